"""What does a model answer, live? One instance token by token, or a batch that draws the valley
while it runs.
"""

import streamlit as st

from pages.probe.batch import draw_batches, pick_batch, run_batch
from pages.probe.sections import (
    ask,
    asked,
    draw_instance,
    draw_machine,
    draw_place,
    draw_reply,
    pick_instance,
    pick_model,
)
from ui import screen, selection

chosen = selection.current()
screen.question("What does a model answer, live?")

with screen.readable_errors():
    choice = pick_model()
    machine = st.container(key="machine place", height=38, border=False)
    ask_tab, batch_tab = st.tabs(
        ["Ask one", "Run a batch"], key="probe_view", on_change="rerun", bind="query-params"
    )
    if ask_tab.open and choice is not None:
        with ask_tab:
            left, right = st.columns([5, 7], gap="medium")
            with left:
                instance = pick_instance(choice)
                if instance is not None:
                    if st.button("Ask", type="primary", key="ask", icon=":material/play_arrow:"):
                        ask(choice, instance)
                    draw_instance(choice, instance)
            job = None if instance is None else asked(choice, instance)
            with right:
                if job is not None:
                    draw_reply(job)
                elif instance is not None:
                    screen.empty(
                        "Nothing asked yet.",
                        "Ask puts this instance to the model; its reply appears here token by"
                        " token.",
                    )
                if job is not None and job.is_over:
                    draw_place(job, chosen)
    if batch_tab.open:
        with batch_tab:
            spec = None if choice is None else pick_batch(choice)
            if choice is not None and spec is not None:
                run_batch(choice.model, spec)
            draw_batches(chosen)
    with machine:  # drawn last: what was pressed above shows in it at once
        st.fragment(draw_machine, run_every=3.0, key="machine")()
