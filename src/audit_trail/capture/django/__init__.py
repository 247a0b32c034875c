"""The Django adapter: requests act as their users, and transactions carry that; triggers do the rest.

Nothing else of `audit_trail` imports it, so Django is needed only where it is used.
"""
