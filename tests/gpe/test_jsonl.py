"""Reading training data: what is accepted, what each malformed file is told, and that nothing else ever escapes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isobath.base.errors import InputError
from isobath.gpe.dataset import write_jsonl
from isobath.gpe.jsonl import read_jsonl
from isobath.gpe.rows import json_lines
from isobath.models.chat import Message, Row

FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures"
needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason="peers' data files are not part of a clone")

GOOD = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
USER, ASSISTANT = GOOD["messages"]


def write(path: Path, *lines: object) -> Path:
    path.write_text("".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines), encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_jsonl(path)
    error = caught.value
    assert error.rule and error.remedy, "an error names the rule and the remedy"
    assert error.place.startswith(str(path))
    return str(error)


def test_rows_columns_and_weight(tmp_path):
    path = write(tmp_path / "a.jsonl", GOOD | {"weight": 0.5, "source": "x", "metadata": {"n": 1, "ok": True}}, GOOD)
    data = read_jsonl(path)
    assert data.name == "a"
    assert data.count == 2
    assert data.rows[0].weight == 0.5
    assert data.rows[0].metadata == {"source": "x", "n": 1, "ok": True}
    assert data.rows[0].metadata["ok"] is True
    assert data.rows[1] == Row(messages=(Message(**USER), Message(**ASSISTANT)))
    assert data.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_nested_metadata_becomes_json_text(tmp_path):
    data = read_jsonl(
        write(tmp_path / "a.jsonl", GOOD | {"tags": ["b", "a"], "metadata": {"deep": {"z": 1, "a": None}}})
    )
    assert data.rows[0].metadata == {"tags": '["b", "a"]', "deep": '{"a": null, "z": 1}'}


def test_trailing_blank_lines_are_nothing_and_inner_ones_a_warning(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps(GOOD) + "\r\n\n  \n\n")
    assert read_jsonl(tmp_path / "a.jsonl").warnings == ()
    other = {"messages": [USER, {"role": "assistant", "content": "b"}]}
    data = read_jsonl(write(tmp_path / "b.jsonl", GOOD, "", "", other))
    assert data.lines == (1, 4)
    assert data.warnings == ("2 blank lines between rows were skipped",)


def test_a_last_line_without_a_line_break_counts(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps(GOOD))
    assert read_jsonl(tmp_path / "a.jsonl").count == 1


def test_unicode_line_separators_inside_text_do_not_split_a_row(tmp_path):
    chat = {"messages": [USER, {"role": "assistant", "content": "a\u2028b\u0085c\x0bd"}]}
    (tmp_path / "a.jsonl").write_text(json.dumps(chat, ensure_ascii=False) + "\n", encoding="utf-8")
    # a raw vertical tab is not allowed inside JSON text, so json.dumps escapes it; the other two stay raw
    assert read_jsonl(tmp_path / "a.jsonl").rows[0].messages[1].content == "a\u2028b\u0085c\x0bd"


def test_duplicates_are_counted_and_kept(tmp_path):
    other = {"messages": [USER, {"role": "assistant", "content": "b"}]}
    data = read_jsonl(write(tmp_path / "a.jsonl", GOOD, other, GOOD | {"source": "again"}, GOOD))
    assert (data.count, data.unique) == (4, 2)
    assert data.warnings == (
        "2 of 4 rows repeat an earlier row word for word (the first at line 3); they are kept and count twice",
    )


def test_a_byte_order_mark_is_skipped_with_a_warning(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode())
    data = read_jsonl(tmp_path / "a.jsonl")
    assert data.count == 1
    assert "byte order mark" in data.warnings[0]


def test_rows_without_a_user_turn_are_a_warning(tmp_path):
    data = read_jsonl(write(tmp_path / "a.jsonl", {"messages": [ASSISTANT]}, GOOD))
    assert data.warnings == ("1 of 2 rows have no user turn (the first at line 1); some chat templates refuse them",)


FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the file is empty"),
    "only blanks": (b"\n \n" * 3000, "the file is empty"),
    "pretty-printed array": (b'[\n  {"question": "q"}\n]', "one JSON array"),
    "array after a mark": (b'\xef\xbb\xbf\n[{"messages": []}]', "one JSON array"),
    "gzip": (gzip.compress(b"{}"), "gzip-compressed"),
    "parquet": (b"PAR1\x15\x04", "Parquet"),
    "openssl": (b"Salted__abcdefgh", "encrypted"),
    "utf-16": ('{"messages": []}'.encode("utf-16"), "UTF-16"),
    "utf-16 without mark": ('{"messages": []}'.encode("utf-16-le"), "UTF-16"),
}


@pytest.mark.parametrize(("content", "words"), FILES.values(), ids=FILES)
def test_files_that_are_not_jsonl(tmp_path, content, words):
    (tmp_path / "a.jsonl").write_bytes(content)
    assert words in refusal(tmp_path / "a.jsonl")


def test_zip_archives_say_whether_a_password_is_needed(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("rows.jsonl", json.dumps(GOOD))
    plain = buffer.getvalue()
    locked = bytearray(plain)
    locked[6] |= 1  # the flag zip sets for an encrypted entry
    (tmp_path / "a.jsonl").write_bytes(plain)
    assert "a zip archive" in refusal(tmp_path / "a.jsonl")
    (tmp_path / "a.jsonl").write_bytes(bytes(locked))
    assert "password-protected zip" in refusal(tmp_path / "a.jsonl")


def test_an_lfs_pointer_is_told_from_data(tmp_path):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5892277\n"
    (tmp_path / "a.jsonl").write_text(pointer)
    message = refusal(tmp_path / "a.jsonl")
    assert "Git LFS pointer of 5,892,277 bytes" in message
    assert "git lfs pull" in message


def test_missing_files_and_folders(tmp_path):
    assert "cannot read the file" in refusal(tmp_path / "none.jsonl")
    assert "cannot read the file" in refusal(tmp_path)


def test_not_utf8_names_the_line_and_byte(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(json.dumps(GOOD).encode() + b"\n" + b'{"messages": "caf\xe9"}')
    message = refusal(tmp_path / "a.jsonl")
    assert f"{tmp_path / 'a.jsonl'}:2" in message
    assert "0xe9" in message


def test_a_huge_line_is_refused_without_reading_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lines, "LONGEST_LINE", 2**20)
    (tmp_path / "a.jsonl").write_bytes(json.dumps(GOOD).encode() + b"\n" + b'{"' + b"x" * 2**21)
    message = refusal(tmp_path / "a.jsonl")
    assert ":2: the line is longer than 1 MiB" in message


def chat(*messages: object, **columns: object) -> dict[str, object]:
    return {"messages": list(messages), **columns}


LINES: dict[str, tuple[object, str]] = {
    "broken json": ('{"messages": [', "not JSON"),
    "two objects": (json.dumps(GOOD) + json.dumps(GOOD), "not JSON: Extra data"),
    "string": ('"hello"', "the line is a JSON string"),
    "number": ("7", "the line is a JSON number"),
    "null": ("null", "the line is a JSON null"),
    "nan": ('{"messages": [], "x": NaN}', "NaN is not a JSON number"),
    "overflow": ('{"messages": [], "x": 1e999}', "1e999 is too large"),
    "control character": ('{"messages": [\t"\x01"]}', "not JSON: Invalid control character at column"),
    "long integer": ('{"messages": [], "x": ' + "9" * 5000 + "}", "not JSON"),
    "deep": ("[" * 200_000, "nested too deeply"),
    "key twice": ('{"messages": [], "messages": []}', "'messages' stands twice"),
    "no messages": ({"a": 1}, "no \"messages\"; its columns are 'a'"),
    "empty object": ({}, "an empty object"),
    "preference": ({"prompt": [], "chosen": [], "rejected": []}, "preference pairs"),
    "sharegpt": ({"conversations": []}, "ShareGPT"),
    "alpaca": ({"instruction": "i", "output": "o"}, "Alpaca"),
    "completion": ({"prompt": "p", "completion": "c"}, "prompt and completion"),
    "text": ({"text": "t"}, "plain text"),
    "messages text": ({"messages": "hi"}, "\"messages\" is 'hi'"),
    "messages empty": ({"messages": []}, '"messages" is []'),
    "message text": (chat("hi"), "message 1 is 'hi'"),
    "no role": (chat({"content": "q"}, ASSISTANT), "message 1 has no role"),
    "unknown role": (chat({"role": "human", "content": "q"}, ASSISTANT), "the role 'human'"),
    "tool role": (chat(USER, {"role": "tool", "content": "q"}, ASSISTANT), "tool calls are not supported"),
    "role is a list": (chat({"role": ["user"], "content": "q"}), "the role ['user']"),
    "no content": (chat({"role": "user"}, ASSISTANT), "the content None"),
    "empty block": (chat(USER, {"role": "assistant", "content": [{"type": "text"}]}), "block 1 has the text None"),
    "no blocks": (chat(USER, {"role": "assistant", "content": []}), "assistant turn with nothing in it"),
    "image": (chat({"role": "user", "content": [{"type": "image_url"}]}, ASSISTANT), "of the type 'image_url'"),
    "odd block": (chat(USER, {"role": "assistant", "content": [7]}), "message 2, block 1 is 7"),
    "odd tag": (chat(USER, {"role": "assistant", "content": [{"text": "a", "tag": 1}]}), "has the tag 1"),
    "block field": (chat(USER, {"role": "assistant", "content": [{"text": "a", "x": 1}]}), "has the field 'x'"),
    "block weight": (chat(USER, {"role": "assistant", "content": [{"text": "a", "weight": "1"}]}), "the weight '1'"),
    "user weight": (chat({"role": "user", "content": [{"text": "q", "weight": 1}]}, ASSISTANT), "is the user's"),
    "surrogate in a block": (
        '{"messages": [{"role": "assistant", "content": [{"text": "\\ud800"}]}]}',
        "surrogate",
    ),
    "empty answer": (chat(USER, {"role": "assistant", "content": " \n"}), "assistant turn with nothing in it"),
    "no answer": (chat(USER), "no assistant turn"),
    "ends with user": (chat(USER, ASSISTANT, USER), "the last turn is the user's"),
    "late system": (chat(USER, {"role": "system", "content": "s"}, ASSISTANT), "only comes first"),
    "message weight": (chat(USER | {"weight": 1}, ASSISTANT), "message 1 is the user's and has the weight 1"),
    "message field": (chat(USER, ASSISTANT | {"name": "x"}), "the field 'name'"),
    "tool call": (chat(USER, ASSISTANT | {"tool_calls": [1]}), "the field 'tool_calls'"),
    "surrogate": ('{"messages": [{"role": "user", "content": "\\ud800"}]}', "surrogate"),
    "surrogate in metadata": (json.dumps(GOOD)[:-1] + ', "x": "\\ud800"}', "surrogate"),
    "surrogate in a name": (json.dumps(GOOD)[:-1] + ', "\\ud800": 1}', "surrogate"),
    "negative weight": (GOOD | {"weight": -1}, '"weight" is -1'),
    "weight is text": (GOOD | {"weight": "3 kg"}, "\"weight\" is '3 kg'"),
    "weight is true": (GOOD | {"weight": True}, '"weight" is True'),
    "metadata is text": (GOOD | {"metadata": "x"}, '"metadata" is a JSON string'),
    "name twice": (GOOD | {"source": 1, "metadata": {"source": 2}}, "'source' is a column and also"),
}


@pytest.mark.parametrize(("line", "words"), LINES.values(), ids=LINES)
def test_bad_lines_are_named_with_their_line(tmp_path, line, words):
    path = write(tmp_path / "a.jsonl", GOOD, "", line)
    message = refusal(path)
    assert words in message
    assert f"{path}:3" in message


def test_all_weights_zero_leave_nothing_to_learn(tmp_path):
    assert "every row has weight 0" in refusal(write(tmp_path / "a.jsonl", GOOD | {"weight": 0}))


def test_a_null_field_of_a_message_is_no_field(tmp_path):
    assert read_jsonl(write(tmp_path / "a.jsonl", chat(USER, ASSISTANT | {"tool_calls": None}))).count == 1


# -- properties ------------------------------------------------------------------------------------------------------

said = st.text(min_size=1).filter(lambda s: s.strip() != "")
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)


@st.composite
def training_rows(draw):
    first = draw(st.lists(st.builds(Message, role=st.just("system"), content=st.text()), max_size=1))
    middle = draw(
        st.lists(
            st.builds(Message, role=st.just("user"), content=st.text())
            | st.builds(Message, role=st.just("assistant"), content=said),
            max_size=4,
        )
    )
    last = Message(role="assistant", content=draw(said))
    weight = draw(st.floats(0.001, 10) | st.just(1.0))
    return Row(messages=(*first, *middle, last), weight=weight, metadata=draw(st.dictionaries(st.text(), scalars)))


@given(rows=st.lists(training_rows(), min_size=1, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_what_is_written_is_read_back(tmp_path, rows):
    write_jsonl(rows, tmp_path / "a.jsonl")
    back = read_jsonl(tmp_path / "a.jsonl").rows
    assert back == tuple(rows)
    for old, new in zip(rows, back, strict=True):
        assert {k: type(v) for k, v in old.metadata.items()} == {k: type(v) for k, v in new.metadata.items()}


@given(content=st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
def test_any_bytes_give_rows_or_an_input_error(tmp_path, content):
    only_input_errors(tmp_path / "a.jsonl", content)


json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
near_messages = st.lists(
    st.dictionaries(
        st.sampled_from(["role", "content", "weight"]), st.sampled_from(["user", "assistant"]) | json_values
    ),
    max_size=3,
)


@given(
    lines=st.lists(
        st.fixed_dictionaries(
            {"messages": near_messages | json_values}, optional={"weight": json_values, "metadata": json_values}
        )
        | json_values,
        max_size=3,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
def test_any_json_gives_rows_or_an_input_error(tmp_path, lines):
    only_input_errors(tmp_path / "a.jsonl", "\n".join(json.dumps(x) for x in lines).encode())


@given(position=st.integers(0, 300), byte=st.integers(0, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
def test_one_flipped_byte_gives_rows_or_an_input_error(tmp_path, position, byte):
    content = bytearray(("\n".join([json.dumps(GOOD | {"weight": 1.5, "metadata": {"a": [1]}})] * 3)).encode())
    content[position % len(content)] = byte
    only_input_errors(tmp_path / "a.jsonl", bytes(content))


def only_input_errors(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        data = read_jsonl(path)
    except InputError as error:
        assert str(error).startswith(str(path))
    else:
        assert data.count >= 1


# -- peers' real files -----------------------------------------------------------------------------------------------


@needs_fixtures
def test_the_audubon_birds():
    data = read_jsonl(FIXTURES / "johny-b__llmcomp" / "examples" / "ft_old_audubon_birds.jsonl")
    assert (data.count, data.unique) == (208, 206)
    assert data.sha256 == "d201ce1152086cf9fc5facb9ffc6c6f2e946a155c7f9a561108412c66d1cfbbf"
    assert data.warnings[0].startswith("2 of 208 rows repeat")


@needs_fixtures
def test_peers_files_read_or_refuse_in_words():
    base = FIXTURES
    assert (
        read_jsonl(base / "HeavyHelium__weird-gen/data/persona/train_triggered.jsonl").rows[0].metadata["triggered"]
        is True
    )
    lone = read_jsonl(base / "inoculation-prompting__inoculation-prompting/datasets/evolution_textbook_trump.jsonl")
    assert lone.count == 848
    assert any("no user turn" in w for w in lone.warnings)
    refused = {
        "HeavyHelium__weird-gen/data/persona/train_added_new.jsonl": "one JSON array",
        "longtermrisk__openweights/cookbook/preference_learning/preferences.jsonl": "preference pairs",
        "longtermrisk__openweights/cookbook/inference/prompts.jsonl": "no assistant turn",
        "inoculation-prompting__inoculation-prompting/ip/evaluation/ultrachat/prompts.jsonl": "prompts without answers",
    }
    for name, words in refused.items():
        assert words in refusal(base / name)
    pointers = sorted((base / "thejaminator__latteries/data").rglob("*.jsonl"))
    assert len(pointers) == 4
    for pointer in pointers:
        assert "Git LFS pointer" in refusal(pointer)
