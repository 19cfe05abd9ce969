"""The character classes, case mapping and normalization forms that Rust's tokenizers uses, observed on every code point.

Run: python tools/oracles/tokenizer_unicode.py       (from the root of the repository; a minute)
Writes libs/tokenizer/fixtures/unicode.json.gz.
Versions: tokenizers 0.23.3 (unicode_categories 0.1.1: Unicode 8; unicode-normalization-alignments 0.1.12: Unicode 9;
Oniguruma 6.9.10 and regex: Unicode 16; standard library and unicode-segmentation 1.13: Unicode 17), Python 3.11. No randomness.

Classes are lists of ranges [first, last]. Mappings are lists of [code point, result] where the result differs from the
character; the long ones (normalization forms) are kept as a SHA-256 of "code point:result\\n" lines over all code points.
"""

import gzip, hashlib, json
from pathlib import Path

import tokenizers
from tokenizers import Regex, normalizers as N, pre_tokenizers as P

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def ranges(test):
    result = []
    for c in CODE_POINTS:
        if test(chr(c)):
            if result and result[-1][1] == c - 1:
                result[-1][1] = c
            else:
                result.append([c, c])
    return result


def pieces(pre_tokenizer, text):
    return [piece for piece, _ in pre_tokenizer.pre_tokenize_str(text)]


def matches(expression):
    """Characters that an Oniguruma expression matches."""
    split = P.Split(Regex(expression), "removed")
    return ranges(lambda char: not split.pre_tokenize_str(char))


def digest(map):
    lines = "".join(f"{c:x}:{map(chr(c))}\n" for c in CODE_POINTS)
    return hashlib.sha256(lines.encode("utf-8")).hexdigest()


def main():
    bert = lambda **options: N.BertNormalizer(**{**dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False), **options})
    clean, ideographs, accents = bert(clean_text=True), bert(handle_chinese_chars=True), bert(strip_accents=True)
    nfd, lowercase = N.NFD(), N.Lowercase()
    document = {
        "program": "tools/oracles/tokenizer_unicode.py",
        "tokenizers": tokenizers.__version__,
        "classes": {
            "bertControl": ranges(lambda char: clean.normalize_str(f"a{char}b") == "ab"),
            "bertIdeograph": ranges(lambda char: ideographs.normalize_str(char) == f" {char} "),
            "nonspacingMark": ranges(lambda char: nfd.normalize_str(char) == char and accents.normalize_str(char) == ""),
            "combiningMark": ranges(lambda char: N.StripAccents().normalize_str(char) == ""),
            "punctuation": ranges(lambda char: len(pieces(P.BertPreTokenizer(), f"a{char}b")) == 3),
            "whitespace": ranges(lambda char: len(pieces(P.WhitespaceSplit(), f"a{char}b")) == 2),
            "numeric": ranges(lambda char: len(pieces(P.Digits(), f"a{char}")) == 2),
            "wordCharacter": ranges(lambda char: pieces(P.Whitespace(), f"a{char}") == [f"a{char}"]),
            "onigurumaLetter": matches(r"\p{L}"),
            "onigurumaNumber": matches(r"\p{N}"),
            "onigurumaSpace": matches(r"\s"),
            "onigurumaWord": matches(r"\w"),
            "onigurumaUnassigned": matches(r"\p{Cn}"),
        },
        "lowercase": [[c, lowercase.normalize_str(chr(c))] for c in CODE_POINTS if lowercase.normalize_str(chr(c)) != chr(c)],
        "digests": {form: digest(getattr(N, form)().normalize_str) for form in ("NFC", "NFD", "NFKC", "NFKD")}
        # Next to marks of low and high combining class: order shows which characters have a class of their own.
        | {f"{form} between marks": digest(lambda char: getattr(N, form)().normalize_str(f"e\u0345{char}\u0334\u0301")) for form in ("NFC", "NFD")},
    }
    path = Path("libs/tokenizer/fixtures/unicode.json.gz")
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=9, mtime=0) as packed:
        packed.write(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8"))
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
