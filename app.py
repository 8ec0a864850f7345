"""Entry point of the dashboard: the table of pages. Start it with `make app`.

Streamlit loads this file in two ways: the server imports it once, at its start, and uses `app`;
each visit then runs it as a script.
"""

import os

os.environ.setdefault(
    "OPENBLAS_NUM_THREADS", "1"
)  # read when numpy is imported. Matrices here are small: more threads only wait

import streamlit as st

from api import mount
from ui import startup
from ui.settings import settings

PAGES = (
    startup.PageInfo("overview", "Overview", ":material/home:"),
    startup.PageInfo(
        "valley",
        "Valley",
        ":material/stacked_line_chart:",
        "Where does generalization break down?",
        "ID and OOD accuracy by level, the gap, and how sure its peak is.",
    ),
    startup.PageInfo(
        "compare",
        "Compare",
        ":material/compare_arrows:",
        "Which model is better, and how sure is that?",
        "Two to six models on the same instances: differences, tests, flips, answers side by side.",
    ),
    startup.PageInfo(
        "what_if",
        "What if",
        ":material/alt_route:",
        "What if another metric had been used?",
        "The same answers under another metric, average or penalty, beside the paper's; and under"
        " every choice at once.",
    ),
    startup.PageInfo(
        "emergence",
        "Emergence",
        ":material/trending_up:",
        "Does an ability emerge with scale?",
        "A score over size, training or loss: its shape, its break, and whether the jump is the"
        " metric's.",
    ),
    startup.PageInfo(
        "samples",
        "Samples",
        ":material/article:",
        "Which answers went wrong, and why?",
        "From a filter to a list to one answer: prompt, response, target, reason.",
    ),
    startup.PageInfo(
        "probe",
        "Probe",
        ":material/labs:",
        "What does a model answer, live?",
        "One instance token by token, or a batch that draws the valley while it runs.",
    ),
    startup.PageInfo(
        "runs",
        "Runs",
        ":material/inventory_2:",
        "Where does a number come from?",
        "Every run with its source file, hash, settings, warnings and rejected records.",
    ),
    startup.PageInfo(
        "methods",
        "Methods",
        ":material/function:",
        "How is every number made, and is it right?",
        "Formula, source, assumptions and certified agreement of every metric.",
    ),
)

if __name__ == "__main__":
    from ui import shell

    shell.run(PAGES)
else:
    with startup.quiet():
        from ui import shell
    startup.prepare(PAGES)
    app = st.App(__file__, routes=[*startup.routes(PAGES), mount(settings().store)])
