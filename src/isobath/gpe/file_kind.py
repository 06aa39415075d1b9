"""What a file's first bytes say it is, when it is not what was expected: pointers, archives, encodings, JSON arrays."""

from __future__ import annotations

from isobath.base.errors import InputError

RULE = "training data is JSONL: one JSON object per line, UTF-8."

BOM = b"\xef\xbb\xbf"
PARQUET, PARQUET_LOCKED = b"PAR1", b"PARE"


def check_head(head: bytes, place: str) -> None:
    """Raise `InputError` if `head` (the first kilobytes of a file) shows that it is not JSONL."""
    check_readable(head, place)
    if head.startswith(PARQUET):
        raise InputError("the file is Parquet", RULE, "name it .parquet, so that it is read as what it is.", place)
    if is_array(head):
        named = "" if place.endswith(".json") else "name it .json, or "  # some readers take a .json, and some do not
        raise InputError(
            "the file is one JSON array, not a line per row",
            RULE,
            f"{named}write one element per line, for example `jq -c '.[]' FILE > ROWS.jsonl`.",
            f"{place}:1",
        )


def check_readable(head: bytes, place: str, rule: str = RULE) -> None:
    """Raise `InputError` if `head` is empty, a pointer to the data, packed, encrypted or not UTF-8."""
    if not head.strip():
        raise InputError("the file is empty", rule, "check the path and the export that wrote it.", place)
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        raise InputError(
            f"this is a Git LFS pointer of {_lfs_size(head)}, not the data itself",
            rule,
            "run `git lfs pull` in the repository it came from, then pass the file again.",
            f"{place}:1",
        )
    for magic, message, remedy in _ARCHIVES:
        if head.startswith(magic):
            raise InputError(message, rule, remedy, place)
    if head.startswith(b"PK\x03\x04"):
        _refuse_zip(head, place, rule)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in head[:4]:
        raise InputError(
            "the file is UTF-16 or UTF-32 text, or binary", rule, "save it as UTF-8 (`iconv -t UTF-8`).", place
        )


def is_array(head: bytes) -> bool:
    """Whether a text file begins as a JSON array."""
    return head.removeprefix(BOM).lstrip().startswith(b"[")


def unreadable(error: OSError, place: str) -> InputError:
    """The `InputError` for a file that cannot be opened or read."""
    return InputError(
        f"cannot read the file: {error.strerror or error}", RULE, "check the path and its permissions.", place
    )


_ARCHIVES = (
    (b"\x1f\x8b", "the file is gzip-compressed", "decompress it first (`gunzip`)."),
    (b"\x28\xb5\x2f\xfd", "the file is zstd-compressed", "decompress it first (`unzstd`)."),
    (b"7z\xbc\xaf\x27\x1c", "the file is a 7z archive", "unpack it, then pass the file inside."),
    (b"Salted__", "the file is encrypted", "decrypt it with the command its authors give, then pass the result."),
    (b"age-encryption.org/", "the file is encrypted (age)", "decrypt it with its authors' key, then pass the result."),
    (PARQUET_LOCKED, "the file is encrypted Parquet", "decrypt it first, then pass the result."),
)


def _lfs_size(head: bytes) -> str:
    for line in head.splitlines():
        if line.startswith(b"size ") and line[5:].strip().isdigit():
            return f"{int(line[5:20]):,} bytes"
    return "unknown size"


def _refuse_zip(head: bytes, place: str, rule: str) -> None:
    locked = len(head) > 6 and head[6] & 1  # bit 0 of the general purpose flag: the entry is encrypted
    what = "a password-protected zip archive" if locked else "a zip archive"
    remedy = (
        "unpack it with the password its authors give (often in their README), then pass the file inside."
        if locked
        else "unpack it, then pass the file inside."
    )
    raise InputError(f"the file is {what}", rule, remedy, place)
