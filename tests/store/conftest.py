"""Failed comparisons inside the contract are shown as those of a test file."""

import pytest

pytest.register_assert_rewrite("tests.store.contract")
