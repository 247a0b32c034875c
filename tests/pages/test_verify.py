"""Verifying in the browser: each step ticks for what is genuine, and the right one fails for what isn't."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Literal, NamedTuple

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from audit_trail.seal.checkpoint import Checkpoint, sign
from audit_trail.seal.encoding import to_base64
from audit_trail.seal.merkle import leaf_hash
from audit_trail.seal.note import SigningKey, parse
from live_agent.site import create_site
from tests.live_agent.office import Office, Place, serving
from tests.pages.browsing import Browsing, overflow, settings, violations

pytestmark = pytest.mark.browser

PARTS = ["Who part", "What part"]
STEPS = [*PARTS, "Leaf", "Path", "Root", "Signature", "This window", "Earlier checkpoint"]
TEAMS = ("Red", "Green", "Blue")
NUMBER = 8
"""The entry that is verified: the second team was created. Three people and their tokens came first."""

SIZE = 10
"""The tree's: the administrator has signed in last."""

ELSEWHERE = "Download evidence, and run audit-trail verify instead."


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A server of this module's own, whose store is tampered with."""
    with serving(tmp_path_factory.mktemp("verify"), make=create_site) as running:
        yield running


@pytest.fixture(scope="module")
def place(office: Office) -> Iterator[Place]:
    """One account for all tests; one that adds to an account opens another."""
    opened = furnished(office)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, office: Office, place: Place) -> Iterator[Page]:
    browsing = Browsing(browser, office)
    yield browsing.member(place)
    browsing.close()
    assert browsing.complaints == []


@pytest.fixture
def page(signed_in: Page, place: Place) -> Iterator[Page]:
    """An entry's page, in a browser that has verified nothing yet."""
    show(signed_in, place)
    yield signed_in
    signed_in.unroute_all()
    signed_in.evaluate("localStorage.clear()")


def furnished(office: Office) -> Place:
    opened = office.open()
    client = opened.client()
    for name in TEAMS:
        assert client.post("/teams", json={"name": name}).status_code == 200
    assert opened.total() == SIZE - 1
    return opened


def show(page: Page, place: Place, number: int = NUMBER) -> None:
    """Open an entry's page, once all changes are sealed."""
    place.total()
    page.goto(settings(place, f"audit-logs/{number}"))


class Verified(NamedTuple):
    """What a person reads after pressing Verify: the verdict, and by step its state and sentence."""

    verdict: str
    steps: dict[str, tuple[str, str]]

    @property
    def failed(self) -> dict[str, str]:
        return {name: says for name, (state, says) in self.steps.items() if state == "fails"}


def verified(page: Page) -> Verified:
    page.get_by_role("button", name="Verify").click()
    verdict = page.locator(".verdict")
    expect(verdict).to_have_text(re.compile("^(Verified|Not verified|Not decided)"))
    steps = {
        item.locator("b").inner_text(): (
            item.get_attribute("class") or "",
            item.locator("[data-says]").inner_text(),
        )
        for item in page.locator(".steps li").all()
    }
    return Verified(verdict.inner_text(), steps)


def require_failures(it: Verified, sentences: dict[str, str]) -> None:
    """Hold that these steps fail, and no other, each saying so in such a sentence."""
    assert list(it.failed) == list(sentences), it
    for name, sentence in sentences.items():
        assert re.search(sentence, it.failed[name]), it.failed[name]
    assert it.verdict == f"Not verified. What fails: {', '.join(sentences).lower()}."


@contextmanager
def tampered(place: Place, statements: str) -> Iterator[None]:
    """Do to the trail's file what whoever owns it can; `:a` is the account, `:i` the index."""
    path = place.office.services.database.path.with_name("trail.db")
    account = str(place.id)
    with closing(sqlite3.connect(path, isolation_level=None)) as owner:
        owner.create_function("replace_bytes", 3, replaced)
        owner.create_function("leaf_hash", 1, leaf_hash)
        triggers = owner.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            owner.execute(f"DROP TRIGGER {name}")
        before = {
            table: owner.execute(f"SELECT * FROM {table} WHERE account = ?", [account]).fetchall()
            for table in ("entries", "tiles", "seals")
        }
        try:
            for statement in statements.split(";"):
                done = owner.execute(statement, {"a": account, "i": NUMBER - 1})
                assert done.rowcount > 0, statement
            yield
        finally:
            for table, rows in before.items():
                owner.execute(f"DELETE FROM {table} WHERE account = ?", [account])
                marks = ", ".join("?" * len(rows[0]))
                owner.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def replaced(value: bytes, old: str, new: str) -> bytes:
    return value.replace(old.encode(), new.encode())


def answering(page: Page, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what the server answers to Verify, as whoever holds the server could."""

    def answer(route: Route) -> None:
        proof = route.fetch().json()
        change(proof)
        route.fulfill(json=proof)

    page.route(re.compile(r"/proof(\?|$)"), answer)


def checkpoint_of(place: Place) -> tuple[bytes, Checkpoint]:
    note = place.office.services.trail.checkpoint(str(place.id))
    assert note is not None
    return note, Checkpoint.parse(parse(note).text)


def test_a_genuine_entry_is_verified_step_by_step(page: Page, place: Place) -> None:
    page.goto(settings(place, "audit-logs"))
    page.locator(f"#entry-{NUMBER}").click()
    expect(page.get_by_role("list", name="Seal").locator("li")).to_have_text(
        [
            re.compile(f"Durable.*index {NUMBER - 1}, recorded"),
            re.compile(
                f"Sealed.*checkpoint of size {SIZE}, root [0-9a-f]{{16}}…, key [0-9a-f]{{8}}"
            ),
        ]
    )
    it = verified(page)
    assert it.verdict == (
        f"Verified in this browser: the tree of {SIZE} entries that this trail's key signed holds "
        f"this entry at index {NUMBER - 1}. The key came from the same server: compare it with one "
        "that you keep elsewhere."
    )
    assert [(name, state) for name, (state, _) in it.steps.items()] == [
        (name, "absent" if name == "Earlier checkpoint" else "holds") for name in STEPS
    ]
    page.get_by_text("Bytes that were verified").click()
    entry = place.office.services.trail.entry(str(place.id), NUMBER - 1)
    assert entry.who and entry.what
    assert page.locator(".bytes pre").all_inner_texts() == [
        content.decode() for content in (entry.public_bytes, entry.who.stored, entry.what.stored)
    ]


def test_every_entry_of_a_tree_is_verified_at_its_own_index(page: Page, place: Place) -> None:
    for number in range(1, SIZE + 1):
        show(page, place, number)
        assert verified(page).verdict.startswith("Verified"), number


def test_a_later_checkpoint_must_add_to_the_one_verified_before(
    office: Office, browsing: Browsing
) -> None:
    place = furnished(office)
    page = browsing.member(place)
    show(page, place)
    assert verified(page).steps["Earlier checkpoint"] == (
        "absent",
        "This browser has verified none of this trail before. It remembers this one.",
    )
    place.client().post("/teams", json={"name": "Black"})
    show(page, place)
    assert verified(page).steps["Earlier checkpoint"] == (
        "holds",
        f"The tree only adds to the one of size {SIZE} that this browser has verified before.",
    )
    ((name, kept),) = page.evaluate("Object.entries(localStorage)")
    _, checkpoint = checkpoint_of(place)
    assert name == f"checkpoint of {checkpoint.origin}"
    assert json.loads(kept) == {"size": str(SIZE + 1), "root": to_base64(checkpoint.root)}
    place.close()


@pytest.mark.parametrize(
    ("kept", "sentence"),
    [
        (
            {"size": "99"},
            f"has verified a checkpoint of size 99 before, and is shown one of size {SIZE}",
        ),
        ({"root": to_base64(bytes(32))}, "Two trees of one size differ."),
        ({"size": "3", "root": to_base64(bytes(32))}, "leads to another root of the first tree"),
        ({"size": "0"}, "The server can't show that this tree adds to the one of size 0"),
    ],
    ids=["an older one", "a fork", "another history", "a size that shows nothing"],
)
def test_a_trail_that_does_not_add_to_what_was_verified_before_is_refused(
    page: Page, kept: dict[str, str], sentence: str
) -> None:
    assert verified(page).verdict.startswith("Verified")
    page.evaluate(
        """kept => {
            const [[name, content]] = Object.entries(localStorage);
            localStorage.setItem(name, JSON.stringify({...JSON.parse(content), ...kept}));
        }""",
        kept,
    )
    require_failures(verified(page), {"Earlier checkpoint": sentence})


ENTRY = "WHERE account = :a AND idx = :i"
ANOTHER_ACTION = (
    f"UPDATE entries SET public = replace_bytes(public, '\"create\"', '\"delete\"') {ENTRY}"
)
SWAPPED = f"""
UPDATE entries SET idx = 100 {ENTRY};
UPDATE entries SET idx = :i WHERE account = :a AND idx = :i + 1;
UPDATE entries SET idx = :i + 1 WHERE account = :a AND idx = 100
"""
ANOTHER_LEAF = """
UPDATE tiles SET data = CAST(substr(data, 1, 32 * 5) || zeroblob(32) || substr(data, 32 * 6 + 1)
AS BLOB) WHERE account = :a AND level = 0 AND :i
"""
OTHER_BYTES = "It is not what the public part commits to: its hash is \\w+…, the commitment \\w+…"
NOT_SEALED = "The path leads to .*, and the checkpoint says .*: this entry is not the one that was"
TAMPERED = {
    "a byte of the public part": (
        ANOTHER_ACTION,
        {
            "Leaf": "The public part was altered: its leaf is .*, and .* was recorded.",
            "Root": NOT_SEALED,
        },
    ),
    "a byte of the public part, and the leaf": (
        f"{ANOTHER_ACTION}; UPDATE entries SET leaf = leaf_hash(public) {ENTRY}",
        {"Root": NOT_SEALED},
    ),
    "a name": (
        f"UPDATE entries SET who = replace_bytes(who, 'alder', 'elder') {ENTRY}",
        {"Who part": OTHER_BYTES},
    ),
    "a value": (
        f"UPDATE entries SET what = replace_bytes(what, 'Green', 'Gruen') {ENTRY}",
        {"What part": OTHER_BYTES},
    ),
    "no salt": (
        f"UPDATE entries SET what_salt = NULL {ENTRY}",
        {"What part": "Its salt doesn't have 16 bytes."},
    ),
    "the leaf": (
        f"UPDATE entries SET leaf = zeroblob(32) {ENTRY}",
        {"Leaf": "and 0000000000000000… was recorded"},
    ),
    "a leaf beside it in the tile": (ANOTHER_LEAF, {"Root": NOT_SEALED}),
    "two entries exchanged": (SWAPPED, {"Root": NOT_SEALED}),
    "the tile": (
        "DELETE FROM tiles WHERE account = :a AND level = 0 AND :i",
        {"Path": "."},
    ),
}


@pytest.mark.parametrize(("statements", "sentences"), TAMPERED.values(), ids=TAMPERED)
def test_what_was_altered_in_the_store_fails_at_its_step(
    page: Page, place: Place, statements: str, sentences: dict[str, str]
) -> None:
    with tampered(place, statements):
        page.reload()
        require_failures(verified(page), sentences)
    assert page.evaluate("localStorage.length") == 0


def newest_is(note: bytes) -> str:
    return f"UPDATE seals SET checkpoint = x'{note.hex()}' WHERE account = :a AND :i"


def test_a_checkpoint_by_another_key_is_refused(page: Page, place: Place) -> None:
    _, checkpoint = checkpoint_of(place)
    forged = sign(checkpoint, [SigningKey(name=checkpoint.origin, seed=bytes(32))])
    with tampered(place, newest_is(forged)):
        page.reload()
        expect(page.get_by_role("list", name="Seal").locator("li").last).to_have_text(
            re.compile("The seal is refused.*No known key has signed the note.")
        )
        require_failures(verified(page), {"Signature": "signed by key .*none of this trail's keys"})


def test_another_accounts_checkpoint_is_refused(office: Office, page: Page, place: Place) -> None:
    other = furnished(office)
    note, checkpoint = checkpoint_of(other)
    _, own = checkpoint_of(place)
    with tampered(place, newest_is(note)):
        page.reload()
        sentence = f"is of {checkpoint.origin}, and this account's are of {own.origin}"
        require_failures(verified(page), {"Root": NOT_SEALED, "Signature": sentence})
    other.close()


def test_a_note_that_is_no_checkpoint_is_refused(page: Page, place: Place) -> None:
    with tampered(place, newest_is(b"\xff")):
        page.reload()
        expect(page.locator(".states")).to_contain_text("The note isn't UTF-8.")
        require_failures(verified(page), {"Path": "It isn't UTF-8."})


def spare_bits(text: str) -> str:
    """Spell 32 bytes in another way: the last letter of theirs has two bits that don't count."""
    return f"{text[:-2]}{chr(ord(text[-2]) + 1)}="


COMMITTED = to_base64(b'{"account":"another"}')
ANSWERED: dict[str, tuple[Callable[[dict[str, Any]], object], dict[str, str]]] = {
    "an index off by one": (
        lambda proof: proof.update(index=NUMBER - 2),
        {
            "Root": NOT_SEALED,
            "This window": f"proof is of index {NUMBER - 2}, and the window shows index {NUMBER - 1}",
        },
    ),
    "an index beyond the size": (
        lambda proof: proof.update(index=99),
        {"Path": f"Index 99 is outside a tree of size {SIZE}.", "This window": "index 99"},
    ),
    "another account": (
        lambda proof: proof.update(public=COMMITTED, who=None, what=None),
        {"Leaf": "altered", "Root": NOT_SEALED, "This window": "The bytes are of account another"},
    ),
    "a hash left over": (
        lambda proof: proof["path"].append(proof["path"][0]),
        {"Path": "The path has hashes left over."},
    ),
    "a hash too few": (
        lambda proof: proof["path"].pop(),
        {"Path": "The path ends before the root."},
    ),
    "a hash of 31 bytes": (
        lambda proof: proof["path"].__setitem__(0, to_base64(bytes(31))),
        {"Path": "A hash doesn't have 32 bytes."},
    ),
    "base64 without padding": (
        lambda proof: proof.update(leaf=proof["leaf"].rstrip("=")),
        {"Leaf": "A value is base64 in an unusual spelling."},
    ),
    "base64 with spare bits": (
        lambda proof: proof.update(leaf=spare_bits(proof["leaf"])),
        {"Leaf": "A value is base64 in an unusual spelling."},
    ),
    "no path": (
        lambda proof: proof.update(path=None, refused="It is gone."),
        {"Path": "It is gone."},
    ),
    "no checkpoint": (
        lambda proof: proof.update(checkpoint=None, refused="It is gone."),
        {"Path": "It is gone."},
    ),
    "no keys": (lambda proof: proof.update(keys=[]), {"Signature": "which isn't account"}),
    "a key that is none": (
        lambda proof: proof.update(keys=["a+b+c"]),
        {"Signature": "A value is.*base64"},
    ),
    "nothing": (
        lambda proof: proof.clear(),
        dict.fromkeys([*PARTS, "Leaf", "Path", "This window"], "."),
    ),
    "a part that nothing commits to": (
        lambda proof: proof.update(public=COMMITTED, what=None),
        {"Who part": "has no commitment to it"}
        | dict.fromkeys(["Leaf", "Root", "This window"], "."),
    ),
}


@pytest.mark.parametrize(("change", "sentences"), ANSWERED.values(), ids=ANSWERED)
def test_what_the_server_answers_wrongly_fails_at_its_step(
    page: Page, change: Callable[[dict[str, Any]], object], sentences: dict[str, str]
) -> None:
    answering(page, change)
    require_failures(verified(page), sentences)


def signed_by(key: SigningKey, checkpoint: Checkpoint) -> dict[str, Any]:
    """Answer as a server that has drawn a key of its own."""
    told = Checkpoint(origin=key.name, size=checkpoint.size, root=checkpoint.root)
    return {"keys": [key.verifier.text], "checkpoint": to_base64(sign(told, [key]))}


def test_another_key_than_the_window_shows_is_refused(page: Page, place: Place) -> None:
    _, checkpoint = checkpoint_of(place)
    answer = signed_by(SigningKey(name=checkpoint.origin, seed=bytes(32)), checkpoint)
    answering(page, lambda proof: proof.update(answer))
    require_failures(verified(page), {"This window": "another key than the one that signed"})


def test_a_key_named_for_another_account_is_refused(page: Page, place: Place) -> None:
    _, checkpoint = checkpoint_of(place)
    answer = signed_by(SigningKey(name="example.com/another", seed=bytes(32)), checkpoint)
    answering(page, lambda proof: proof.update(answer))
    assert "which isn't account" in verified(page).failed["Signature"]


def test_an_erased_part_is_said_to_be_erased(page: Page) -> None:
    answering(page, lambda proof: proof.update(who=None))
    it = verified(page)
    assert it.verdict.startswith("Verified")
    assert it.steps["Who part"] == (
        "absent",
        "Erased: only its commitment is left, so what it said can't be shown or checked.",
    )


ERASED = f"UPDATE entries SET who = NULL, who_salt = NULL, what = NULL, what_salt = NULL {ENTRY}"


def test_what_was_erased_reads_so_wherever_it_was_named(page: Page, place: Place) -> None:
    with tampered(place, ERASED):
        page.goto(settings(place, "audit-logs"))
        row = page.locator("tr", has=page.locator(f"#entry-{NUMBER}"))
        number = place.people["administrator"].id
        expect(row.locator(".by")).to_have_text(re.compile(rf"^\s*User \(#{number}\)\s*erased\s*$"))
        expect(row.locator(".what")).to_contain_text(
            re.compile(r"Created a new team \(#\d+\)\s*erased")
        )
        expect(row.locator(".where")).to_have_text("erased · API")
        row.locator(".open").click()
        expect(page.locator("dd").first).to_have_text(f"User (#{number}) · erased")
        expect(page.locator(".changes td")).to_have_text(["erased", "erased"])
        it = verified(page)
        assert it.verdict.startswith("Verified")
        assert [it.steps[part][0] for part in PARTS] == ["absent", "absent"]
        item = place.client().get(f"/audit_logs/{NUMBER}").json()
    assert item["username"] == f"User (#{number})"
    assert item["audited_changes"] == {"name": "[erased]", "allow_auto_assign": "[erased]"}
    assert item["erased"] == ["who", "what"]
    assert item["remote_address"] is None


def test_a_browser_without_ed25519_decides_nothing(page: Page) -> None:
    page.evaluate(
        """() => {
            SubtleCrypto.prototype.importKey = async () => {
                throw new DOMException("", "NotSupportedError");
            };
        }"""
    )
    it = verified(page)
    assert it.verdict == f"Not decided: signature. {ELSEWHERE}"
    assert it.steps["Signature"] == (
        "undecided",
        "This browser can't check Ed25519 signatures; a newer one can.",
    )


def test_a_page_that_did_not_come_by_https_says_so(page: Page) -> None:
    page.evaluate("Object.defineProperty(window, 'isSecureContext', {value: false})")
    assert verified(page) == Verified(
        "Not decided. Browsers verify on pages that come by https or from localhost only. "
        + ELSEWHERE,
        {},
    )


def test_who_gets_no_proof_is_told_so(page: Page) -> None:
    page.route(re.compile("/proof"), lambda route: route.fulfill(status=401))
    assert verified(page) == Verified(
        f"Not decided. The server gave no proof (401). {ELSEWHERE}", {}
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_read_the_steps(page: Page, theme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=theme)
    for change in (lambda proof: proof, lambda proof: proof.update(who=None, path=None)):
        answering(page, change)
        verified(page)
        page.eval_on_selector_all(".seal details", "all => all.forEach(it => { it.open = true })")
        assert violations(page) == []
        page.set_viewport_size({"width": 320, "height": 640})
        assert overflow(page) == 0
        assert violations(page) == []
        page.set_viewport_size({"width": 1280, "height": 800})


def test_root_key_and_checkpoint_can_be_copied(page: Page, place: Place) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_text("Checkpoint and key").click()
    note, checkpoint = checkpoint_of(place)
    wanted = {
        "Copy root": checkpoint.root.hex(),
        "Copy verifier key": place.office.services.trail.verifier_keys(str(place.id))[-1].text,
        "Copy checkpoint": note.decode(),
    }
    for name, text in wanted.items():
        page.locator(".verdict").evaluate("it => { it.textContent = '' }")
        page.get_by_role("button", name=name).click()
        expect(page.locator(".verdict")).to_have_text("Copied.")
        assert page.evaluate("navigator.clipboard.readText()") == text


def test_without_script_the_seal_is_read_and_nothing_is_offered_that_needs_one(
    place: Place, browsing: Browsing
) -> None:
    page = browsing.member(place, java_script_enabled=False)
    show(page, place)
    expect(page.get_by_role("list", name="Seal")).to_contain_text("Sealed")
    expect(page.get_by_role("button", name="Verify")).to_be_hidden()
    page.get_by_text("Checkpoint and key").click()
    expect(page.locator(".seal pre")).to_contain_text("— ")
    for button in page.get_by_role("button", name="Copy", include_hidden=True).all():
        expect(button).to_be_hidden()
