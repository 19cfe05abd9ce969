"""Texts for the tokenizer oracles, ordinary and hostile, from a seeded generator. Imported by tokenizer_oracle.py."""

WORDS = (
    "the quick brown fox jumps over a lazy dog pipeline stage worker layer token tokens tokenizer embedding embeddings "
    "don't can't won't I'm we've they're it's unaffable Hello WORLD naive cafe 1234 3.14 2026-11-23 e-mail C++ a.b.c "
    "running runner ran transformer transformers attention head hidden state states sequence sequences of and to in"
).split()

POOL = {
    "ascii": [chr(c) for c in range(32, 127)],
    "marks": list("\u0301\u0300\u0308\u0327\u0323\u0302\u0345\u0334\u0316\u20dd\u0e48\u0e33\u0eb3\u302a\u3099\u309a\u05b0\u064b\u0651")
    + ["\u0f71", "\u0f72", "\u0f73", "\u0344", "\u0f81"],
    "latin": list("\u00e9\u00e8\u00ea\u00eb\u00fc\u00f6\u00e4\u00f1\u00df\u00c5\u00e5\u00e7\u0153\u00e6\u00f8\u0111\u0131\u0130\u017f\ufb01\ufb02\u01c5\u0149\u0390\u1e9e\u1ead\u01d6\u1ea5"),
    "ideographs": list("\u4e2d\u6587\u65e5\u672c\u8a9e\u6f22\u5b57\U00020000\U00020bb7\U0002a6a5\uf900\U0002f800\U0002b740\U00030000"),
    "hangul": list("\ud55c\uad6d\uc5b4\u1112\u1161\u11ab\u1100\u1160\u11a8\ud7a3\uac00\u115f\ua960\ud7b0"),
    "right-to-left": list("\u0627\u0644\u0639\u0631\u0628\u064a\u0629\u05e9\u05dc\u05d5\u05dd\u200f\u202e\u202c\u0600\u06dd"),
    "indic": list("\u0939\u093f\u0928\u094d\u0926\u0940\u0915\u0937\u093c\u0d4e\u0dca") + ["\u0915\u094d\u0937", "\u09c7\u09be", "\u0bc6\u0bbe"],
    "greek": list("\u03a3\u0391\u03a3\u03c2\u038c\u03a9\u03c3"),
    "cyrillic": list("\u0440\u0443\u0441\u0441\u043a\u0438\u0439\u0419\u0401\u0451"),
    "emoji": ["\U0001f600", "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f1eb\U0001f1f7", "\U0001f1eb", "\U0001f44d\U0001f3fd", "\u2764\ufe0f", "1\ufe0f\u20e3", "\u00a9", "\u2122"],
    "space": [" ", "  ", "   ", "\t", "\n", "\r", "\r\n", "\u00a0", "\u3000", "\u2003", "\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\u200b", "\ufeff", "\u180e", "\u1680"],
    "control": ["\x00", "\x01", "\x1f", "\x7f", "\x80", "\x9f", "\ufffd", "\u00ad", "\u200d", "\u200c", "\u2060", "\ue000", "\U000f0000", "\ufdd0", "\u0378"],
    "punctuation": list("\u201c\u201d\u2018\u2019\u2014\u2013\u2026\u00ab\u00bb\u00a1\u00bf\u3001\u3002\u300c\u300d\uff01\uff1f\u2030\u20ac+<=>^`|~\u00a7\u166d"),
    "number": list("\u00bd\u00b2\u00b3\u2460\u2167\u0663\u0ae8\u0e53\U0001d7d8\u0bf0"),
    "compatibility": ["\ufb03", "\u338f", "\uff21", "\uff42", "\uff11", "\uff76\uff9e", "\u3231", "\u2126", "\u212b", "\u1e9b\u0323", "\ufdfa", "\u3316", "\U0001d400", "\u32ff"],
    "newer": ["\u1acf", "\u0897", "\ua7ce", "\U00010940", "\U000323b0", "\U0001611e\U0001611e", "\U0001e030", "\u061d", "\U000105d2\u0307", "\u2e43", "\u1cf2", "\U00011938", "\u1734", "\u20c1"],
}
KINDS = list(POOL)


def sentence(rnd, length=12):
    """Words with ordinary punctuation."""
    words = [rnd.choice(WORDS) + rnd.choice(["", "", "", "", ",", ".", "?"]) for _ in range(rnd.randint(1, length))]
    return " ".join(words)


def corpus(rnd, lines):
    """Sentences with some other script in every third one, to train on."""
    result = []
    for i in range(lines):
        text = sentence(rnd)
        if i % 3 == 0:
            kind = rnd.choice(["latin", "ideographs", "hangul", "right-to-left", "indic", "greek", "cyrillic", "emoji", "punctuation", "marks", "number"])
            text += " " + "".join(rnd.choice(POOL[kind]) for _ in range(rnd.randint(1, 5)))
        result.append(text)
    return result


def hostile(rnd, added):
    """One text: ordinary, of one kind of characters, of everything, very long words, with added tokens in it."""
    mode, n = rnd.random(), rnd.choice([0, 1, 2, 3, 5, 8, 13])
    if mode < 0.25:
        return sentence(rnd)
    if mode < 0.45:
        kinds = rnd.sample(KINDS, 2)
        return "".join(rnd.choice(POOL[rnd.choice(kinds)]) for _ in range(n))
    if mode < 0.48:
        return rnd.choice("ae\u0301\u0928\u4e2dx") * rnd.choice([99, 100, 101])
    parts = []
    for _ in range(n):
        where = rnd.random()
        if added and where < 0.15:
            parts.append(rnd.choice(added))
        elif where < 0.45:
            parts.append(rnd.choice(WORDS))
        elif where < 0.6:
            parts.append(rnd.choice(POOL["space"]))
        else:
            parts.append(rnd.choice(POOL[rnd.choice(KINDS)]))
    return "".join(parts)
