"""How fast are instances with their reference answers? Beside a plain statement of the textbook brute force, in one run, in CPU time.

python -m benchmarks.tasks                      all tasks, print a table
python -m benchmarks.tasks --task tsp           one task (repeat for more)
python -m benchmarks.tasks --json results.json  also write the numbers

answer            the reference answer of an input that is given, both sides on the same inputs
draw and answer   values drawn, the list examined for what the task promises, a target chosen, and the answer; the same lengths on both
                  sides. We draw pattern and values apart, so that ID and OOD match; where an answer takes a microsecond, that shows
whole instance    what `make_batch` takes, with prompt, id and the search for duplicates, beside the authors' own code on another machine
                  (answers and drawing together, from their published rates)

The textbook is written here with loops over all choices. For the subset sum in a range it sorts the sums once; the authors' code sorts
them again after every subset, and so does the row `(re-sorting)`.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

from data.records import Split
from probe.tasks import RANGES, TASKS, Task, grade, make_batch

Given = dict[str, Any]
Choices = Callable[[list[int]], Iterable[tuple[int, ...]]]
Making = Callable[[list[int], random.Random], Given | None]
SUBSET_SIZES = range(4, 7)
SECONDS = 0.4
"""Each side of each row repeats its rounds for at least so long."""

SCYLLA_PER_S = {
    "find_minimum": ((98933.0, 130105.2), (96830.7, 130730.7)),
    "find_maximum": ((96440.3, 140910.9), (98133.2, 132992.2)),
    "find_mode": ((65386.0, 53115.8), (60942.8, 43627.6)),
    "find_topk": ((82608.8, 143701.3), (84199.0, 133116.7)),
    "sort_numbers": ((78085.9, 146364.3), (77039.1, 134872.0)),
    "remove_duplicate_numbers": ((77963.6, 143514.9), (75081.8, 135853.8)),
    "longest_increasing_subsequence": ((56732.6, 97739.2), (55404.2, 88087.2)),
    "longest_consecutive_elements": ((41800.6, 37153.9), (22794.4, 18050.6)),
    "two_sum": ((28514.4, 64053.4), (25847.0, 57309.4)),
    "three_sum": ((12896.6, 32194.1), (9978.0, 22422.2)),
    "three_sum_in_range": ((15183.1, 41970.4), (13530.3, 35180.4)),
    "three_sum_multiple_ten": ((42372.1, 6379.9), (42526.5, 5720.5)),
    "four_sum": ((4534.3, 12580.6), (2685.1, 5490.6)),
    "four_sum_in_range": ((5306.0, 14286.2), (3728.4, 11527.3)),
    "four_sum_multiple_ten": ((15204.9, 4570.0), (14944.2, 4148.2)),
    "subset_sum": ((40.8, 22.4), (25.1, 50.0)),
    "subset_sum_in_range": ((8.3, 16.8), (9.8, 19.1)),
    "subset_sum_multiple_ten": ((2347.7, 1100.8), (1762.0, 1072.3)),
    "longest_common_subarray": ((28034.0, 19627.0), (28951.8, 22531.5)),
    "tsp": ((3.1, 6.9), (2.5, 4.7)),
}
"""The authors' code at d7162d68: answers per second and instances drawn per second, for values 0-99 and 100-9999."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Microseconds of CPU time per instance."""

    task: str
    split: str
    solve_us: float
    textbook_solve_us: float
    make_us: float
    textbook_make_us: float
    whole_us: float
    scylla_us: float

    def ratios(self) -> dict[str, float]:
        """How many times as fast: answering, drawing and answering, and everything beside the authors' code."""
        return {
            "solve": self.textbook_solve_us / self.solve_us,
            "make": self.textbook_make_us / self.make_us,
            "scylla": self.scylla_us / self.whole_us,
        }


# The textbook. First the answers: an input in, one right answer out.


def _minimum(given: Given) -> Any:
    smallest = given["numbers"][0]
    for number in given["numbers"]:
        if number < smallest:
            smallest = number
    return smallest


def _maximum(given: Given) -> Any:
    largest = given["numbers"][0]
    for number in given["numbers"]:
        if number > largest:
            largest = number
    return largest


def _mode(given: Given) -> Any:
    best, most = None, 0
    for number in given["numbers"]:
        times = sum(other == number for other in given["numbers"])
        if times > most:
            best, most = number, times
    return best


def _topk(given: Given) -> Any:
    left = list(given["numbers"])
    for _ in range(given["k"] - 1):
        left.remove(max(left))
    return max(left)


def _sort(given: Given) -> Any:
    ordered = list(given["numbers"])
    for end in range(len(ordered) - 1, 0, -1):
        for place in range(end):
            if ordered[place] > ordered[place + 1]:
                ordered[place], ordered[place + 1] = ordered[place + 1], ordered[place]
    return ordered


def _remove_duplicates(given: Given) -> Any:
    kept: list[int] = []
    for number in given["numbers"]:
        if number not in kept:
            kept.append(number)
    return kept


def _increasing(given: Given) -> Any:
    """The quadratic recursion of the textbook; trying all subsequences would flatter us."""
    numbers, best = given["numbers"], []
    for place, number in enumerate(numbers):
        before: list[list[int]] = [best[earlier] for earlier in range(place) if numbers[earlier] < number]
        best.append([*max(before, key=len, default=[]), number])
    return max(best, key=len)


def _consecutive(given: Given) -> Any:
    numbers, longest = given["numbers"], []
    for number in numbers:
        run = [number]
        while run[-1] + 1 in numbers:
            run.append(run[-1] + 1)
        longest = max(longest, run, key=len)
    return longest


def _common(given: Given) -> Any:
    first, second = given["first"], given["second"]
    lengths = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    best, end = 0, 0
    for i, number in enumerate(first, 1):
        for j, other in enumerate(second, 1):
            if number == other:
                lengths[i][j] = lengths[i - 1][j - 1] + 1
                if lengths[i][j] > best:
                    best, end = lengths[i][j], i
    return first[end - best : end]


def _tour(given: Given) -> Any:
    rows, best, shortest = given["distances"], None, 0
    for order in permutations(range(1, len(rows))):
        length, here = 0, 0
        for city in order:
            length += rows[here][city]
            here = city
        length += rows[here][0]
        if best is None or length < shortest:
            best, shortest = [0, *order, 0], length
    return best


def _of(size: int) -> Choices:
    return lambda numbers: combinations(numbers, size)


def _subsets(numbers: list[int]) -> Iterable[tuple[int, ...]]:
    for mask in range(1, 1 << len(numbers)):
        yield tuple(number for place, number in enumerate(numbers) if mask >> place & 1)


def _small_subsets(numbers: list[int]) -> Iterable[tuple[int, ...]]:
    for size in SUBSET_SIZES:
        yield from combinations(numbers, size)


def _first(choices: Choices) -> Callable[[Given], Any]:
    def answer(given: Given) -> Any:
        if "target" in given:
            return next(list(chosen) for chosen in choices(given["numbers"]) if sum(chosen) == given["target"])
        if "low" in given:
            return next(list(chosen) for chosen in choices(given["numbers"]) if given["low"] < sum(chosen) < given["high"])
        return next(list(chosen) for chosen in choices(given["numbers"]) if sum(chosen) % 10 == 0)

    return answer


# Then the making: values in, an input that has what the task promises out, or None when these values do not give one.


def _list(numbers: list[int], rng: random.Random) -> Given | None:
    return {"numbers": numbers}


def _list_and_k(numbers: list[int], rng: random.Random) -> Given | None:
    return {"numbers": numbers, "k": rng.randint(2, len(numbers) // 2)}


def _list_with_a_repeat(numbers: list[int], rng: random.Random) -> Given | None:
    return {"numbers": [*numbers[:-1], numbers[0]]}


def _list_with_a_neighbour(numbers: list[int], rng: random.Random) -> Given | None:
    return {"numbers": [*numbers[:-1], numbers[0] + 1]}


def _two_lists(numbers: list[int], rng: random.Random) -> Given | None:
    return {"first": numbers, "second": [rng.choice((number, rng.choice(numbers))) for number in numbers]}


def _matrix(numbers: list[int], rng: random.Random) -> Given | None:
    rows = [[0] * len(numbers) for _ in numbers]
    for i in range(len(numbers)):
        for j in range(i):
            rows[i][j] = rows[j][i] = rng.choice(numbers)
    return {"distances": rows}


def _with_target(choices: Choices, sizes: range = range(20)) -> Making:
    def make(numbers: list[int], rng: random.Random) -> Given | None:
        by_sum: dict[int, list[tuple[int, ...]]] = {}
        for chosen in choices(numbers):
            by_sum.setdefault(sum(chosen), []).append(chosen)
        single = [total for total, found in by_sum.items() if len(found) == 1 and len(found[0]) in sizes]
        return {"numbers": numbers, "target": rng.choice(single)} if single else None

    return make


def _with_range(choices: Choices, *, sorts_again: bool = False) -> Making:
    def make(numbers: list[int], rng: random.Random) -> Given | None:
        sums: list[int] = []
        for chosen in choices(numbers):
            sums.append(sum(chosen))
            if sorts_again:
                sums = sorted(sums)
        sums.sort()
        single = [place for place in range(1, len(sums) - 1) if sums[place - 1] < sums[place] < sums[place + 1]]
        if not single:
            return None
        place = rng.choice(single)
        return {"numbers": numbers, "low": sums[place - 1], "high": sums[place + 1]}

    return make


def _with_ten(choices: Choices, *, may_have_several: bool = False) -> Making:
    def make(numbers: list[int], rng: random.Random) -> Given | None:
        n_right = sum(sum(chosen) % 10 == 0 for chosen in choices(numbers))
        return {"numbers": numbers} if n_right == 1 or (n_right and may_have_several) else None

    return make


BRUTE_FORCE: dict[str, tuple[Making, Callable[[Given], Any]]] = {
    "find_minimum": (_list, _minimum),
    "find_maximum": (_list, _maximum),
    "find_mode": (_list_with_a_repeat, _mode),
    "find_topk": (_list_and_k, _topk),
    "sort_numbers": (_list, _sort),
    "remove_duplicate_numbers": (_list_with_a_repeat, _remove_duplicates),
    "longest_increasing_subsequence": (_list, _increasing),
    "longest_consecutive_elements": (_list_with_a_neighbour, _consecutive),
    "longest_common_subarray": (_two_lists, _common),
    "two_sum": (_with_target(_of(2)), _first(_of(2))),
    "three_sum": (_with_target(_of(3)), _first(_of(3))),
    "three_sum_in_range": (_with_range(_of(3)), _first(_of(3))),
    "three_sum_multiple_ten": (_with_ten(_of(3)), _first(_of(3))),
    "four_sum": (_with_target(_of(4)), _first(_of(4))),
    "four_sum_in_range": (_with_range(_of(4)), _first(_of(4))),
    "four_sum_multiple_ten": (_with_ten(_of(4)), _first(_of(4))),
    "subset_sum": (_with_target(_subsets, SUBSET_SIZES), _first(_subsets)),
    "subset_sum_in_range": (_with_range(_small_subsets), _first(_small_subsets)),
    "subset_sum_in_range (re-sorting)": (_with_range(_small_subsets, sorts_again=True), _first(_small_subsets)),
    "subset_sum_multiple_ten": (_with_ten(_small_subsets, may_have_several=True), _first(_small_subsets)),
    "tsp": (_matrix, _tour),
}


def _timed(one_round: Callable[[], int], seconds: float) -> float:
    """Microseconds of CPU time per instance of the fastest round, after a warm-up round."""
    one_round()
    fastest, until = float("inf"), time.process_time() + seconds
    while True:
        started = time.process_time()
        n = one_round()
        now = time.process_time()
        fastest = min(fastest, (now - started) / n)
        if now >= until:
            return fastest * 1e6


def measure(name: str, split: Split, seconds: float) -> Row:
    """One row: our side and the textbook's on the same lengths, and every answer of the textbook graded by us."""
    task = TASKS[name.split(" ")[0]]
    pool = RANGES.pools[split]
    values = [value for value in pool.values if value]
    make, answer = BRUTE_FORCE[name]

    def textbook_round() -> int:
        rng = random.Random(0)
        for length in task.lengths:
            while (given := make(rng.sample(values, length), rng)) is None:
                pass
            answer(given)
        return len(task.lengths)

    def our_round() -> int:
        rng = random.Random(0)
        for _ in range(20):
            for length in task.lengths:
                task.solve(task.draw(task.pattern(rng, length), rng, pool))
        return 20 * len(task.lengths)

    def whole_round() -> int:
        return len(make_batch(task.name, split, 200, 0))

    inputs = [dict(one.input) for length in task.lengths for one in make_batch(task.name, split, 2, 0, lengths=[length])]
    _compare(task, answer, inputs)
    per_s = SCYLLA_PER_S[task.name][split is Split.OOD]
    return Row(
        task=name,
        split=str(split),
        solve_us=_timed(_answering(task.solve, inputs), seconds),
        textbook_solve_us=_timed(_answering(answer, inputs), seconds),
        make_us=_timed(our_round, seconds),
        textbook_make_us=_timed(textbook_round, seconds),
        whole_us=_timed(whole_round, seconds),
        scylla_us=sum(1e6 / rate for rate in per_s),
    )


def _answering(solve: Callable[[Given], Any], inputs: list[Given]) -> Callable[[], int]:
    def one_round() -> int:
        for given in inputs:
            solve(given)
        return len(inputs)

    return one_round


def _compare(task: Task, answer: Callable[[Given], Any], inputs: list[Given]) -> None:
    """Stop unless every answer of the textbook is right here."""
    for given in inputs:
        fault = task.fault(given, task.solve(given), answer(given))
        if fault is not None:
            raise AssertionError(f"{task.name} {given}: the textbook's answer is wrong here: {fault}")


def measure_unreadable(n: int = 10_000) -> dict[str, float]:
    """Microseconds per grading of an unreadable answer: the first and the last thousand of n in a row."""
    instance = make_batch("find_minimum", "id", 1, 0)[0]
    reply = "I cannot say which of these it is, because I was not given enough time to look at all of them. " * 4
    spent = []
    for _ in range(n // 1_000):
        started = time.process_time()
        for _ in range(1_000):
            grade(instance, reply)
        spent.append((time.process_time() - started) * 1e3)
    return {"first_thousand_us": spent[0], "last_thousand_us": spent[-1], "ratio": spent[-1] / spent[0]}


def _print(rows: Sequence[Row], unreadable: dict[str, float]) -> None:
    print(f"{'':40}{'answer':^29}{'draw and answer':^29}{'whole instance':^29}")
    print(f"{'task':34}{'split':6}" + "".join(f"{'ours':>9}{other:>11}{'ratio':>9}" for other in ("textbook", "textbook", "SCYLLA")))
    for row in rows:
        sides = ((row.solve_us, row.textbook_solve_us), (row.make_us, row.textbook_make_us), (row.whole_us, row.scylla_us))
        print(f"{row.task:34}{row.split:6}" + "".join(f"{ours:9.1f}{other:11.1f}{other / ours:9.1f}" for ours, other in sides))
    print(
        f"unreadable answers: {unreadable['first_thousand_us']:.1f} us each in the first thousand, "
        f"{unreadable['last_thousand_us']:.1f} in the last (ratio {unreadable['ratio']:.2f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", action="append", choices=sorted(BRUTE_FORCE), help="only this task; repeat for more")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    rows = [measure(name, split, chosen.seconds) for name in chosen.task or BRUTE_FORCE for split in Split]
    unreadable = measure_unreadable()
    _print(rows, unreadable)
    if chosen.json:
        found = [asdict(row) | {"ratios": row.ratios()} for row in rows]
        chosen.json.write_text(json.dumps({"rows": found, "unreadable": unreadable}, indent=1))


if __name__ == "__main__":
    main()
