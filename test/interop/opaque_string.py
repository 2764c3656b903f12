"""The OpaqueString profile of RFC 8265 section 4.2, for passwords (TB-PASSWORD-2, TB-PASSWORD-3).

Non-ASCII spaces become U+0020, then NFC; width and case stay. What comes out must not be empty and must consist of
the code points of the FreeformClass of RFC 8264, by the algorithm of its section 8 over the Unicode data of this Python.
Two properties that `unicodedata` lacks are written down here; a third, Joining_Type, is left out, so that U+200C is
taken behind a virama alone.
"""

import unicodedata


class Refused(ValueError):
    """The profile does not take this string."""


def ranges(text):
    found = set()
    for part in text.split():
        first, _, last = part.partition("-")
        found.update(range(int(first, 16), int(last or first, 16) + 1))
    return frozenset(found)


VALID = ranges("DF 3C2 6FD 6FE F0B 3007")
DISALLOWED = ranges("640 7FA 302E 302F 3031-3035 303B")
ARABIC_DIGITS = ranges("660-669")
EXTENDED_DIGITS = ranges("6F0-6F9")
OLD_JAMO = ranges("1100-11FF A960-A97C D7B0-D7C6 D7CB-D7FB")
DEFAULT_IGNORABLE = ranges(
    "AD 34F 61C 115F-1160 17B4-17B5 180B-180F 200B-200F 202A-202E 2060-206F 3164 FE00-FE0F FEFF FFA0 FFF0-FFF8 "
    "1BCA0-1BCA3 1D173-1D17A E0000-E0FFF"
)
CATEGORIES = frozenset("Ll Lu Lo Nd Lm Mn Mc Lt Nl No Me Zs Sm Sc Sk So Pc Pd Ps Pe Pi Pf Po".split())


def prepare(password):
    """The password as it is sent and hashed; raises Refused."""
    mapped = "".join(" " if unicodedata.category(char) == "Zs" else char for char in password)
    text = unicodedata.normalize("NFC", mapped)
    if not text:
        raise Refused("empty password")
    for at in range(len(text)):
        if not allowed(text, at):
            raise Refused(f"character {at + 1} of the password is not allowed")
    return text


def allowed(text, at):
    char = text[at]
    code = ord(char)
    if code in VALID:
        return True
    if code in DISALLOWED:
        return False
    if code in CONTEXT:
        return CONTEXT[code](text, at)
    if 0x21 <= code <= 0x7E:
        return True
    if code in OLD_JAMO or code in DEFAULT_IGNORABLE:
        return False
    return unicodedata.category(char) in CATEGORIES


def before(text, at):
    return text[at - 1] if at > 0 else ""


def after(text, at):
    return text[at + 1] if at + 1 < len(text) else ""


def named(char, *starts):
    return char != "" and unicodedata.name(char, "").startswith(starts)


def behind_virama(text, at):
    return at > 0 and unicodedata.combining(text[at - 1]) == 9


def between_l(text, at):
    return before(text, at) == "l" and after(text, at) == "l"


def before_greek(text, at):
    return named(after(text, at), "GREEK")


def behind_hebrew(text, at):
    return named(before(text, at), "HEBREW")


def among_japanese(text, _at):
    return any(
        named(char, "HIRAGANA", "KATAKANA LETTER", "CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH", "IDEOGRAPHIC ITERATION")
        or char == "\u3007"
        for char in text
    )


def without(others):
    return lambda text, _at: not any(ord(char) in others for char in text)


# The rules of RFC 5892 appendix A.
CONTEXT = {
    0x200C: behind_virama, 0x200D: behind_virama, 0xB7: between_l, 0x375: before_greek, 0x5F3: behind_hebrew,
    0x5F4: behind_hebrew, 0x30FB: among_japanese,
    **dict.fromkeys(ARABIC_DIGITS, without(EXTENDED_DIGITS)),
    **dict.fromkeys(EXTENDED_DIGITS, without(ARABIC_DIGITS)),
}
