"""Reads dates and times as systems and spreadsheets write them, in the languages of many."""

import re
from datetime import datetime

from anyascii import anyascii

# The names of the months, January first, in ASCII as anyascii writes them; what is told by its first three letters
# needs no more.
_MONTHS = {
    "en": "january february march april may june july august september october november december",
    "de": "januar februar maerz april mai juni juli august september oktober november dezember",
    "de_at": "jaenner feber marz",
    "fr": "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "pt": "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
    "ca": "gener febrer marc abril maig juny juliol agost setembre octubre novembre desembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "da": "januar februar marts april maj juni juli august september oktober november december",
    "no": "januar februar mars april mai juni juli august september oktober november desember",
    "fi": "tammikuu helmikuu maaliskuu huhtikuu toukokuu kesakuu heinakuu elokuu syyskuu lokakuu marraskuu joulukuu",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia wrzesnia pazdziernika listopada grudnia",
    "cs": "ledna unora brezna dubna kvetna cervna cervence srpna zari rijna listopadu prosince",
    "sl": "januarja februarja marca aprila maja junija julija avgusta septembra oktobra novembra decembra",
    "ro": "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
    "hu": "januar februar marcius aprilis majus junius julius augusztus szeptember oktober november december",
    "tr": "ocak subat mart nisan mayis haziran temmuz agustos eylul ekim kasim aralik",
    "ru": "yanvarya fevralya marta aprelya maya iyunya iyulya avgusta sentyabrya oktyabrya noyabrya dekabrya",
    "el": "ianoyarioy fevroyarioy martioy aprilioy maioy ioynioy ioylioy aygoystoy septemvrioy oktovrioy noemvrioy"
    " dekemvrioy",
}
# Forenoon and afternoon, before or behind the time.
_HALVES = {"午前": "am", "午後": "pm", "上午": "am", "下午": "pm", "오전": "am", "오후": "pm", "πμ": "am", "μμ": "pm"}
_HALVES |= {"π.μ.": "am", "μ.μ.": "pm", "fm": "am", "em": "pm"}
_CLOCK = r"\d{1,2}[:.]\d{2}(?:[:.]\d{2})?"
_HALF = "|".join(map(re.escape, _HALVES))
_HALF_BEFORE = re.compile(rf"(?<!\w)({_HALF})\s*({_CLOCK})")
_HALF_BEHIND = re.compile(rf"({_CLOCK})\s*({_HALF})(?!\w)")
_DAY_FIRST, _MONTH_FIRST = "day-first", "month-first"
ORDERS = (_DAY_FIRST, _MONTH_FIRST)
_TIME = re.compile(r"\b(\d{1,2})[:.h](\d{2})(?:[:.](\d{2}))?(?!\d|[./-]\d)\s*(?:([ap])\.?\s?m\b\.?)?", re.IGNORECASE)

# ISO 8601 as programs write it: Python 3.10 itself takes neither Z nor +0100, and of a second three or six digits only.
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?\s?(Z|[+-]\d\d(?::?\d\d)?)?", re.IGNORECASE)

_BEHIND_A_TIME = {"", "uhr", "h", "hrs", "gmt", "utc", "cet", "cest", "klo", "kl", "on", "o", "of", "le", "am", "the"}


class AmbiguousOrder(ValueError):
    """A date in numbers that may be day or month first."""


def read_moment(text: str, order: str = "") -> datetime:
    """Return the moment that a text tells, aware; local time where it has no offset.

    `order` is "day-first" or "month-first", for dates in numbers with a slash: 3/11/2026. Raises AmbiguousOrder where
    it would have to be known and is "", ValueError for a text that is no date with a time.
    """
    text = text.strip()
    if iso := _ISO.fullmatch(text):
        return _from_iso(*iso.groups(default=""))
    text = _HALF_BEFORE.sub(lambda half: f" {half[2]} {_HALVES[half[1]]} ", text)
    text = _HALF_BEHIND.sub(lambda half: f" {half[1]} {_HALVES[half[2]]} ", text)
    plain = anyascii(re.sub("[年月년월]", "-", re.sub("[日일]", " ", text))).lower()
    clocks = list(_TIME.finditer(plain))
    if not clocks:
        raise ValueError(f"no time of day in {text!r}")
    clock = clocks[-1]  # dots may also be in a date
    year, month, day = _date(plain[: clock.start()] + " " + plain[clock.end() :], order)
    hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
    word = re.match(r"\s*([a-z.]+)", plain[clock.end() :])
    if word and hour <= 12 and not clock[4] and word[1].strip(".") not in _BEHIND_A_TIME and not _month(word[1]):
        raise ValueError(f"{word[1]!r} behind the time may be for the afternoon")
    if clock[4]:
        hour = hour % 12 + 12 * (clock[4] == "p")
    return datetime(year, month, day, hour, minute, second).astimezone()


def _from_iso(date: str, time: str, fraction: str, offset: str) -> datetime:
    if offset in ("Z", "z"):
        offset = "+00:00"
    elif offset:
        offset = f"{offset[:3]}:{offset[3:].lstrip(':') or '00'}"
    time = time if time.count(":") == 2 else f"{time}:00"
    return datetime.fromisoformat(f"{date}T{time}.{fraction[:6]:0<6}{offset}").astimezone()


def _date(plain: str, order: str) -> tuple[int, int, int]:
    numbers = [int(number) for number in re.findall(r"\d+", plain)]
    months = {month for word in re.findall(r"[a-z]{3,}", plain) if (month := _month(word))}
    years = [number for number in numbers if number > 999]
    if len(years) != 1:
        raise ValueError("no year, or several")
    others = [number for number in numbers if number < 1000]
    if len(months) == 1 and len(others) == 1:
        return years[0], months.pop(), others[0]
    if months:
        raise ValueError("several months, or days")
    if len(others) != 2:
        raise ValueError("no day and month")
    if numbers[0] == years[0]:
        return years[0], others[0], others[1]
    first, second = others
    if re.search(r"\d\.\s?\d+\.\s?\d", plain) or first > 12 or first == second:
        return years[0], second, first
    if second > 12:
        return years[0], first, second
    if not order:
        raise AmbiguousOrder(f"{first}/{second}")
    return (years[0], second, first) if order == _DAY_FIRST else (years[0], first, second)


def _names() -> dict[str, int]:
    names: dict[str, int] = {}
    for months in _MONTHS.values():
        for number, name in enumerate(months.split(), 1):
            names.setdefault(name, number)
    names |= {"jaenner": 1, "janner": 1, "feber": 2, "marz": 3, "avr": 4, "iul": 7, "iun": 6}
    return names


_NAMES = _names()


def _month(word: str) -> int:
    """Return the number of the month that a word, or its abbreviation, names in any language; 0 for none or several."""
    if word in _NAMES:
        return _NAMES[word]
    months = {
        number
        for name, number in _NAMES.items()
        if name.startswith(word) or (len(name) > 6 and word.startswith(name))  # with an ending: marraskuuta
    }
    return months.pop() if len(months) == 1 else 0
