"""Works the golden values of one stat of each kind out a second time, with
regular expressions, fractions, and every window from its start, and compares
them with the goldens in this folder. It knows nothing of Pulse but what README.md
says of the kinds.

    python3 again.py
"""

import json
import math
import os
import re
import sys
from collections import defaultdict
from datetime import datetime, timezone
from fractions import Fraction

FOLDER = os.path.dirname(os.path.abspath(__file__))
STAMP = re.compile(r"^(?:time=|\{\"time\":\")?(\d{10}|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)?)")

# What lines of nginx and of the Redis proxy look like in kinds.log.
SERVICE = r"service=(?P<n>\d+)ms"
MAYBE_SERVICE = r"^(?:.*service=(?P<n>\d+)ms)?"
NGINX = r' nginx\[\d+\] - \S+ - \S+ - \S+ \[[^]]+\] "(?P<method>\S+) [^"]*" (?P<status>\d+) (?P<bytes>\S+) .* (?P<domain>\S+)$'
PROXY = r"mod=hermes_proxy app_id=(?P<app>\S+) code=(?P<code>\S+) .*redis=(?P<redis>\S+) service=(?P<service>\S+)"

# Fields of odd.log: any, or one that is a number, alone or with a key.
ODD_FIELD = r" n=\S+"
ODD_KEY = r' k="?(?P<k>[^"\n]+)'
ODD = r" n=(?P<n>-?\d+(?:\.\d+)?)(?: |$)"
ODD_KEYED = ODD.replace("(?: |$)", "") + ODD_KEY
ODD_PAIR = r'app=odd(?: n=(?P<n>\S+))? k="?(?P<k>[^"\n]+)'
DAY = 86_400  # longer windows end with a minute
THINNED = {"long"}  # of runs of these some seconds are compared
MOST = 2**63  # numbers are below, either way


class Rounded(Fraction):
    """A value that is rounded once to a float64; others are exact."""


class Event:
    def __init__(self, at, key, number):
        self.at, self.second, self.key, self.number = at, math.floor(at.timestamp()), key, number


def numbers(events):
    return [e.number for e in events]


def total(events):
    return sum(numbers(events))


def mean(events):
    return Rounded(total(events), len(events)) if events else None


def variance(events):
    """That of the population."""
    middle = Fraction(total(events), len(events))
    return sum((e.number - middle) ** 2 for e in events) / len(events)


def stddev(events):
    """The root of the variance to 15 digits, rounded half up."""
    if not events or not variance(events):
        return 0 if events else None
    squared = variance(events)
    places = 14
    while squared * 100**places >= 100**15:
        places -= 1
    while squared * Fraction(100) ** places < 100**14:
        places += 1
    while True:
        scaled = squared * Fraction(100) ** places * 4
        digits = (math.isqrt(scaled.numerator // scaled.denominator) + 1) // 2
        if digits < 10**15:
            return digits / Fraction(10) ** places
        places -= 1


def four_digits(number):
    """A number as quantiles count it, rounded half away from 0."""
    unit = Fraction(1, 10**9)
    while abs(number) >= 10**4 * unit:
        unit *= 10
    return (1 if number > 0 else -1) * math.floor(abs(number) / unit + Fraction(1, 2)) * unit


def smallest(events):
    return min(numbers(events), default=None)


def greatest(events):
    return max(numbers(events), default=None)


class Window:
    """The window that is worked out: how many of its seconds the recording covers."""

    covered = 0


def rate(per):
    return lambda events: Rounded(len(events) * per, max(Window.covered, 1))


def distinct(events):
    return len({e.key for e in events})


def quantiles(*at):
    """Nearest ranks: the ceil(q n)-th smallest."""

    def value(events):
        if not events:
            return None
        ordered = sorted(map(four_digits, numbers(events)))
        return {q: ordered[max(1, math.ceil(Fraction(q) * len(ordered))) - 1] for q in at}

    return value


def histogram(*bounds):
    def value(events):
        counts = [0] * (len(bounds) + 1)
        for n in numbers(events):
            counts[next((i for i, b in enumerate(bounds) if n <= b), len(bounds))] += 1
        return {"le": list(bounds), "counts": counts}

    return value


def groups(events):
    found = defaultdict(list)
    for e in events:
        found[e.key].append(e)
    return found


def negative(rank):
    """A rank, which may be of several numbers, in the reverse order."""
    return tuple(-r for r in rank) if isinstance(rank, tuple) else -rank


def top(n, value, rank=None):
    """The n greatest keys by rank, or by their value, the others together."""

    def best(events):
        found = groups(events)
        ordered = sorted(found, key=lambda key: (negative((rank or value)(found[key])), key.encode()))
        others = [e for key in ordered[n:] for e in found[key]]
        shown = [{"key": key, "value": value(found[key])} for key in ordered[:n]]
        return {"top": shown, "other": value(others), "distinct": len(found)}

    return best


def top_distinct(n):
    """top of how many different second parts each first part of the keys has."""

    def value(events):
        split = [Event(e.at, *e.key.rsplit(",", 1)) for e in events]
        return top(n, lambda its: len({e.number for e in its}))(split)

    return value


def apdex_share(satisfied, tolerated):
    def value(events):
        points = [2 if e.number <= satisfied else 1 if e.number <= tolerated else 0 for e in events]
        return Fraction(sum(points), 2 * len(points))

    return value


def apdex(satisfied, tolerated):
    return lambda events: Rounded(apdex_share(satisfied, tolerated)(events)) if events else None


def newest(events):
    """Of the newest events the one with the greatest number."""
    return max(events, key=lambda e: (e.at, e.number))


def last(fold):
    """Of the newest number of each part."""
    return lambda events: fold([newest(e) for e in groups(events).values()]) if events else None


def grown(events, since):
    """What each number of a part is more than the one before, of the seconds after
    since; a smaller number starts anew."""
    if not any(e.second > since for e in events):
        return None
    growth = 0
    for part in groups(events).values():
        by_second = defaultdict(list)
        for e in part:
            by_second[e.second].append(e)
        values = [(s, newest(by_second[s]).number) for s in sorted(by_second)]
        growth += sum(b - a if b >= a else b for (_, a), (s, b) in zip(values, values[1:]) if s > since)
    return growth


grown.reach = 300  # seconds before the window that it needs


def grown_lately(events, since):
    return grown(events, since)


grown_lately.reach = 15


def grown_sparsely(events, since):
    return grown(events, since)


grown_sparsely.reach = 175


def share(holds):
    """The ratio of how many events are of a kind and how many there are, to 15 digits."""

    def value(events):
        if not events:
            return None
        return Fraction(f"{float(Fraction(sum(bool(holds(e)) for e in events), len(events))):.14e}")

    return value


def by_number(value):
    """What a value is of events whose key is a key and a number's text; some are not numbers."""

    def split(events):
        found = []
        for e in events:
            key, number = e.key.rsplit("\0", 1)
            found.append(Event(e.at, key, fraction(number)))
        return value(found)

    return split


def fraction(text):
    """The number that a text is, if it is one that counts."""
    if not re.fullmatch(r"-?\d+(\.\d+)?", text):
        return None
    n = round_to(Fraction(text), 9)
    return n if abs(n) < MOST else None


def by_key(of, key):
    return lambda match: match[key] + "\0" + (match[of] or "")


def quotient(a, b):
    """One value by another, to 15 digits."""
    if a is None or not b:
        return None
    return Fraction(f"{float(a) / float(b):.14e}")


def total_of_some(events):
    return sum(e.number for e in events if e.number is not None)


def per_line(events):
    return quotient(total_of_some(events), len(events))


def per_sum(events):
    return quotient(len(events), total_of_some(events))


def failed_share(events):
    return quotient(sum(e.number >= 400 for e in events), len(events))


def written(number):
    """The result of arithmetic: a decimal of at most 40 digits, else 15 digits."""
    if number is None:
        return None
    for places in range(41):
        scaled = abs(number) * 10**places
        if scaled.denominator == 1 and scaled < 10**40:
            return number
    return Fraction(f"{float(number):.14e}")


def as_shown(number):
    """A mean as the decimal that is shown of it."""
    return Fraction(repr(float(number)))


def known(events):
    return [e for e in events if e.number is not None]


def product(events):
    its = numbers(known(events))
    return written((sum(its) - min(its)) * max(its) / 4) if its else None


def sum_by_fewer(events):
    return written(total_of_some(events) / Fraction(len(events) - 3)) if len(events) != 3 else None


def difference(events):
    its = numbers(known(events))
    if not its:
        return None
    return written(sum(its) - as_shown(Fraction(sum(its), len(its))) * len(events))


def served(events):
    """The difference of two rates as they are shown."""
    shown = [as_shown(Fraction(n, Window.covered)) for n in (len(events), sum(e.number >= 400 for e in events))]
    return written(shown[0] - shown[1])


def failed_percent(events):
    return written(Fraction(100 * sum(e.number >= 400 for e in events), len(events))) if events else None


def quick(event):
    return event.key and int(event.key) <= 20


def mean_by_count(events):
    """The mean of the keys that are numbers, as it is shown, by the count of all events."""
    its = [int(e.key) for e in events if e.key]
    return written(as_shown(Fraction(sum(its), len(its))) / len(events)) if its else None


def counted(events):
    return Fraction(len(events) + sum(e.number >= 400 for e in events), 2)


UNITS = {"": 1, "s": 1000, "ms": 1, "MB": 10**6, "kB": 1000, "B": 1}


def in_units(text):
    """The number of an in-log metric: milliseconds or bytes, if it has such a unit."""
    if m := re.fullmatch(r"(\d+)m(\d+)s", text):
        return Fraction(60_000 * int(m[1]) + 1000 * int(m[2]))
    m = re.fullmatch(r"(-?\d+(?:\.\d+)?)([a-zA-Z]*)", text)
    n = m and round_to(Fraction(m[1]) * UNITS.get(m[2], 1), 9)
    return n if m and abs(n) < MOST else None


def metrics(kind, value):
    """What a value is of the metrics of a kind in the events' lines."""

    def of_lines(events):
        found = []
        for e in events:
            for name, number in re.findall(rf'(?<![\w./:#-]){kind}#([\w./:-]+)=([^ ",}}]*)', e.key):
                if (n := in_units(number)) is not None:
                    found.append(Event(e.at, name, n))
        return value(found)

    return of_lines


def newest_number(events):
    return newest(events).number if events else None


def burn(target, holds):
    """How fast the budget of an objective is used up."""

    def value(events):
        if not events:
            return None
        bad = 1 - Fraction(sum(bool(holds(e)) for e in events), len(events))
        return written(bad * 100 / (100 - Fraction(target)))

    return value


def budget(target, holds):
    def value(events):
        used = burn(target, holds)(events)
        if used is None:
            return None
        bad = 1 - Fraction(sum(bool(holds(e)) for e in events), len(events))
        return written(1 - bad * 100 / (100 - Fraction(target)))

    return value


def known_first(value):
    """Ranks by value, of which None is the least."""
    return lambda events: (value(events) is not None, value(events) or 0)


def routed(match):
    """The route of a path whose things are numbers, or of a static file."""
    path = re.sub(r"(?<=/)\d+(?=/|$)", ":id", match["k"])
    return "/static/*" if path.startswith("/static/") else path


def in_seconds(match):
    return Fraction(match["n"]) / 1000


# stat, golden, seconds of the window, pattern, key, number, value. Key and number are
# named groups of the pattern, or worked out from a match.
STATS = [
    ("requests", "router", 10, "", "", "", rate(1)),
    ("errors", "router", 70, "at=error", "", "", rate(60)),
    ("service-mean", "router", 60, SERVICE, "", "n", mean),
    ("service-max", "router", 5, SERVICE, "", "n", greatest),
    ("service-min", "router", 5, SERVICE, "", "n", smallest),
    ("bytes", "router", 1, r"bytes=(?P<n>\d+)", "", "n", total),
    ("service", "router", 30, SERVICE, "", "n", quantiles("0.5", "0.95", "0.99")),
    ("hosts", "router", 20, r"host=(?P<k>\S+)", "k", "", distinct),
    ("requests", "sparse", 60, "", "", "", rate(60)),
    ("requests", "long", 90_000, "", "", "", rate(60)),
    ("count", "long", 129_600, "", "", "", len),
    ("bytes", "long", 172_800, r"bytes=(?P<n>\d+)", "", "n", total),
    ("service-mean", "long", 129_600, SERVICE, "", "n", mean),
    ("slow-service", "long", 259_200, r"service=(?P<n>[5-9]\d\d|\d{4,})ms", "", "n", lambda its: mean([e for e in its if e.number > 500])),
    ("ratio", "long", 129_600, MAYBE_SERVICE, "n", "", lambda its: quotient(sum(int(e.key or 0) > 20 for e in its), len(its))),
    ("service-per-request", "long", 129_600, MAYBE_SERVICE, "n", "", mean_by_count),
    ("slo", "long", 172_800, MAYBE_SERVICE, "n", "", budget("90", quick)),
    ("slo.burn-6h", "long", 21_600, MAYBE_SERVICE, "n", "", burn("90", quick)),
    ("slo.burn-1d", "long", 86_400, MAYBE_SERVICE, "n", "", burn("90", quick)),
    ("slo.burn-3d", "long", 259_200, MAYBE_SERVICE, "n", "", burn("90", quick)),
    ("requests-ids", "long", 90_000, r"request_id=(?P<k>\S+)", "k", "", distinct),
    ("paths", "long", 90_000, r'path="(?P<k>[^"]*)"', "k", "", distinct),
    ("lately", "long", 21_600, "", "", "", len),
    ("requests-by", "sparse", 150, r"host=(?P<k>\S+)", "k", "", top(2, rate(1))),
    ("count", "sparse", 150, "", "", "", len),
    ("bytes", "sparse", 75, r"bytes=(?P<n>\d+)", "", "n", total),
    ("service-mean", "sparse", 100, SERVICE, "", "n", mean),
    ("service-stddev", "sparse", 200, SERVICE, "", "n", stddev),
    ("service-max", "sparse", 30, SERVICE, "", "n", greatest),
    ("service", "sparse", 200, SERVICE, "", "n", quantiles("0.5", "0.9")),
    ("buckets", "sparse", 75, SERVICE, "", "n", histogram(5, 50)),
    ("hosts", "sparse", 200, r"host=(?P<k>\S+)", "k", "", distinct),
    ("newest", "sparse", 70, SERVICE, "", "n", last(total)),
    ("host-service", "sparse", 150, r"host=(?P<k>\S+) .*service=(?P<n>\d+)ms", "k", "n", last(total)),
    ("grown", "sparse", 125, r"bytes=(?P<n>\d+)", "", "n", grown_sparsely),
    ("ratio", "sparse", 150, SERVICE, "", "n", share(lambda e: e.number > 20)),
    ("levels", "formats", 20, r",\d+ (?P<k>\w+) +\[", "k", "", top(2, len)),
    ("errors-of-exec-1", "formats", 30, r"ERROR \[exec-1\]", "", "", rate(60)),
    ("jobs", "formats", 20, r"\] \S+ - (?P<k>\w+) took (?P<n>\d+)ms$", "k", "n", top(2, mean)),
    ("bytes", "formats", 15, r"bytes_out=(?P<n>\d+)", "", "n", total),
    ("memory", "formats", 15, r"mem=(?P<n>[\d.]+)kB", "", "n", lambda events: greatest(events) and greatest(events) * 1000),
    ("items", "formats", 15, r'"items":(?P<n>\d+),.*"user":"u[^1]"', "", "n", mean),
    ("totals", "formats", 15, r'"total":"(?P<n>[\d.]+)"', "", "n", total),
    ("switched", "formats", 30, r"^\d+\|\d\|on$", "", "", len),
    ("devices", "formats", 30, r"^\d+\|(?P<k>\d)\|", "k", "", distinct),
    ("endpoints", "formats", 20, r"path=(?P<k>\S+)", routed, "", top(3, len)),
    ("of-users", "formats", 20, r"path=(/users/\d+/cart|/orders/\d+) ", "", "", rate(60)),
    ("clients", "formats", 20, r'client="(?P<k>[^,]+)', "k", "", distinct),
    ("parts", "formats", 20, r"shop\.(?P<k>\w+) - \w+ took (?P<n>\d+)ms$", "k", in_seconds, top(2, mean)),
    ("net", "formats", 15, r"bytes_in=(?P<i>\d+) bytes_out=(?P<o>\d+)", "", lambda m: int(m["o"]) - int(m["i"]), total),
    ("sizes", "formats", 15, r"mem=(?P<n>[\d.]+)kB", "", lambda m: Fraction(m["n"]) * 1000, greatest),
    ("first-parts", "formats", 20, r"path=/(?P<k>[^/ ]+)", "k", "", top(2, len)),
    ("rate-by", "kinds", 10, NGINX, "domain", "", top(3, rate(1))),
    ("rate-by-two", "kinds", 20, NGINX, "method,status", "", top(4, rate(60))),
    ("sum-by", "kinds", 20, NGINX, "domain", "bytes", top(3, total)),
    ("mean-by", "kinds", 30, PROXY, "code", "service", top(2, mean)),
    ("min-by", "kinds", 30, PROXY, "code", "service", top(2, smallest)),
    ("max-by", "kinds", 15, PROXY, "app", "redis", top(3, greatest)),
    ("quantiles-by", "kinds", 30, PROXY, "code", "service", top(2, quantiles("0.5", "0.99"), len)),
    ("histogram", "kinds", 2, PROXY, "", "service", histogram(1, 5, 20, Fraction("100.5"), 1000)),
    ("last", "kinds", 30, r"at=stats processes=(?P<n>\d+)", "", "n", last(total)),
    ("last-sum", "kinds", 40, r"hermes\.(?P<k>\d+)@.*at=stats processes=(?P<n>\d+)", "k", "n", last(total)),
    ("last-max", "kinds", 40, r"hermes\.(?P<k>\d+)@.*at=stats processes=(?P<n>\d+)", "k", "n", last(greatest)),
    ("last-mean", "kinds", 20, PROXY, "app", "redis", last(mean)),
    ("last-count", "kinds", 60, r"logplex\.(?P<k>\d+)@.*drain_id=(?P<l>\d+) drain_delivered=(?P<n>\d+)", "k,l", "n", distinct),
    ("delta", "kinds", 80, r"hermes\.(?P<k>\d+)@.*mod=hermes_proxy .*service=(?P<n>\d+)", "k", "n", grown),
    ("delta-of-one", "kinds", 60, r"message_processed=(?P<n>\d+)", "", "n", grown),
    ("ratio", "kinds", 10, NGINX, "", "status", share(lambda e: e.number >= 400)),
    ("count", "kinds", 15, NGINX, "", "", len),
    ("count-by", "kinds", 15, NGINX, "domain", "", top(3, len)),
    ("stddev", "kinds", 30, PROXY, "", "service", stddev),
    ("stddev-by", "kinds", 20, NGINX, "domain", "bytes", top(3, stddev, variance)),
    ("unique-by", "kinds", 30, PROXY, "code,app", "", top_distinct(2)),
    ("slowest", "kinds", 30, PROXY, "app", "service", top(3, quantiles("0.5", "0.9"), lambda its: (quantiles("0.9")(its)["0.9"], len(its)))),
    ("apdex", "kinds", 30, PROXY, "", "service", apdex(5, 20)),
    ("apdex-by", "kinds", 30, PROXY, "code", "service", top(2, apdex(5, 20), apdex_share(5, 20))),
    ("failed-share", "kinds", 15, NGINX, "domain", "status", top(3, failed_share)),
    ("failed-share-of-most", "kinds", 15, NGINX, "domain", "status", top(2, failed_share, lambda its: (len(its), failed_share(its)))),
    ("sum-by-count", "kinds", 15, NGINX, "domain", "bytes", top(3, total, lambda its: (len(its), total(its)))),
    ("per-sum", "odd", 10, ODD_PAIR, by_key("n", "k"), "", by_number(top(3, per_sum, known_first(per_sum)))),
    ("per-line", "odd", 10, ODD_PAIR, by_key("n", "k"), "", by_number(top(3, per_line, lambda its: (len(its), per_line(its))))),
    ("max-of-most", "odd", 10, ODD_KEYED, "k", "n", top(3, greatest, lambda its: (len(its), greatest(its)))),
    ("served", "kinds", 10, NGINX, "", "status", served),
    ("failed-percent", "kinds", 15, NGINX, "domain", "status", top(3, failed_percent, lambda its: (len(its) + sum(e.number >= 400 for e in its), failed_percent(its)))),
    ("counted", "kinds", 15, NGINX, "domain", "status", top(2, counted)),
    ("product", "odd", 5, ODD, "", "n", product),
    ("quotient", "odd", 5, r"app=odd n=(?P<n>\S+)", lambda m: "\0" + m["n"], "", by_number(sum_by_fewer)),
    ("difference", "odd", 10, ODD_PAIR, by_key("n", "k"), "", by_number(top(3, difference, known_first(difference)))),
    ("logs.count", "inlog", 60, "(?P<k>.*)", "k", "", metrics("count", top(500, total))),
    ("logs.measure", "inlog", 60, "(?P<k>.*)", "k", "", metrics("measure", top(500, quantiles("0.5", "0.95", "0.99"), len))),
    ("logs.sample", "inlog", 60, "(?P<k>.*)", "k", "", metrics("sample", top(500, newest_number))),
    ("slo", "odd", 7, r"app=odd(?: n=(?P<n>\S+))?", "n", "", budget("85.5", lambda e: e.key)),
    ("slo.burn-5m", "odd", 300, r"app=odd(?: n=(?P<n>\S+))?", "n", "", burn("85.5", lambda e: e.key)),
    ("slo.burn-1d", "odd", 86400, r"app=odd(?: n=(?P<n>\S+))?", "n", "", burn("85.5", lambda e: e.key)),
    ("slo", "kinds", 20, NGINX, "", "status", budget("99", lambda e: e.number < 400)),
    ("slo.burn-30m", "kinds", 1800, NGINX, "", "status", burn("99", lambda e: e.number < 400)),
    ("unique-by", "odd", 10, r" n=(?P<n>\S+) k=\"?(?P<k>[^\"\n]+)", "k,n", "", top_distinct(2)),
    ("apdex", "odd", 5, ODD, "", "n", apdex(0, 5)),
    ("count", "odd", 5, ODD_FIELD, "", "", len),
    ("count-by", "odd", 10, ODD_KEY, "k", "", top(2, len)),
    ("sum", "odd", 5, ODD, "", "n", total),
    ("sum-by", "odd", 10, ODD_KEYED, "k", "n", top(2, total)),
    ("mean", "odd", 5, ODD, "", "n", mean),
    ("mean-by", "odd", 10, ODD_KEYED, "k", "n", top(2, mean)),
    ("stddev", "odd", 5, ODD, "", "n", stddev),
    ("stddev-by", "odd", 10, ODD_KEYED, "k", "n", top(2, stddev, variance)),
    ("min", "odd", 5, ODD, "", "n", smallest),
    ("min-by", "odd", 10, ODD_KEYED, "k", "n", top(2, smallest)),
    ("max", "odd", 5, ODD, "", "n", greatest),
    ("max-by", "odd", 10, ODD_KEYED, "k", "n", top(2, greatest)),
    ("quantiles", "odd", 15, ODD, "", "n", quantiles("0.1", "0.5", "0.9", "1")),
    ("quantiles-by", "odd", 10, ODD_KEYED, "k", "n", top(2, quantiles("0.5"), len)),
    ("histogram", "odd", 3, ODD, "", "n", histogram(-5, 0, Fraction(1, 10**9), 5, 10**18)),
    ("unique", "odd", 5, ODD_KEY, "k", "", distinct),
    ("last", "odd", 5, ODD, "", "n", last(total)),
    ("last-sum", "odd", 10, ODD_KEYED, "k", "n", last(total)),
    ("last-mean", "odd", 10, ODD_KEYED, "k", "n", last(mean)),
    ("last-max", "odd", 10, ODD_KEYED, "k", "n", last(greatest)),
    ("last-count", "odd", 10, ODD_KEYED, "k", "n", distinct),
    ("delta", "odd", 10, ODD_KEYED, "k", "n", grown_lately),
    ("ratio", "odd", 10, r"app=odd(?: n=(?P<n>\S+))?", "n", "", share(lambda e: e.key)),
]


def moment(text):
    """A time, which is in UTC if it has no zone."""
    if text.isdigit():
        return datetime.fromtimestamp(int(text), timezone.utc)
    at = datetime.fromisoformat(text.replace("Z", "+00:00").replace(",", "."))
    return at if at.tzinfo else at.replace(tzinfo=timezone.utc)


def second_of(text):
    return math.floor(moment(text).timestamp())


def first_second(golden):
    """Of a recording, which covers nothing before it."""
    with open(os.path.join(FOLDER, golden + ".log"), encoding="utf-8") as lines:
        stamps = (STAMP.search(line)[1] for line in lines)
        return min(map(second_of, stamps))


def read(golden, pattern, key, number):
    """The events of a recording that a pattern finds."""
    found = re.compile(pattern)
    with open(os.path.join(FOLDER, golden + ".log"), encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip("\n")
            match = found.search(line)
            if not match:
                continue
            try:
                n = number(match) if callable(number) else Fraction(match[number] or 0) if number else 0
            except ValueError:
                continue
            n = round_to(n, 9)
            if abs(n) >= MOST:
                continue
            at = moment(STAMP.search(line)[1])
            name = key(match) if callable(key) else ",".join(match[k] or "" for k in key.split(",")) if key else ""
            yield Event(at, name, n)


def round_to(number, places):
    """Half away from 0."""
    return (1 if number >= 0 else -1) * Fraction(math.floor(abs(number) * 10**places + Fraction(1, 2)), 10**places)


def same(got, want):
    """Whether a value with exact numbers is the one that is wanted."""
    if isinstance(want, dict):
        return isinstance(got, dict) and got.keys() == want.keys() and all(same(got[k], want[k]) for k in want)
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(map(same, got, want))
    if isinstance(want, Rounded):
        return got is not None and float(got) == float(want)
    return got == want


def check(stat, golden, over, pattern, key, number, value):
    """Returns how many seconds were compared, and what is wrong."""
    events, first = list(read(golden, pattern, key, number)), first_second(golden)
    wrong, seen, seconds = [], set(), 0
    with open(os.path.join(FOLDER, golden + ".jsonl"), encoding="utf-8") as snapshots:
        for snapshot in (json.loads(s, parse_float=Fraction) for s in snapshots):
            if snapshot["stat"] != stat:
                continue
            seen.add(str(snapshot["value"]))
            since, last = second_of(snapshot.get("since", snapshot["time"])), second_of(snapshot["time"])
            for second in sorted({*range(since, last, 59 if golden in THINNED else 1), last}):
                seconds += 1
                end = second - (second + 1) % 60 if over > DAY else second
                Window.covered = max(min(over, end + 1 - first), 0)
                marks = [Window.covered, over] if Window.covered < over else [None, None]
                if [snapshot.get("covered"), snapshot.get("of")] != marks:
                    wrong.append(f"{stat} at {snapshot['time']} is not marked with {marks}: {snapshot}")
                if reach := getattr(value, "reach", 0):
                    want = value([e for e in events if end - over - reach < e.second <= end], end - over)
                else:
                    want = value([e for e in events if end - over < e.second <= end])
                if not same(snapshot["value"], want):
                    wrong.append(f"{stat} at {snapshot['time']} is {snapshot['value']}, by this calculation {want}")
    if seconds < 60 or len(seen) < 2:
        wrong.append(f"{stat}: little was compared: {seconds} seconds, {len(seen)} different values")
    return seconds, wrong


def main():
    compared, wrong = 0, []
    for stat in STATS:
        seconds, errors = check(*stat)
        compared += seconds
        wrong += errors
    for error in wrong[:20]:
        print(error)
    print(f"{len(STATS)} stats, {compared} values compared, {len(wrong)} wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
