"""Which answers could not be read?"""

import pandas as pd
import streamlit as st
from studies.unread import UnreadSettings, unread

from analysis.text import percent
from ui import screen, selection
from ui.asked import asked
from ui.kept import kept

chosen = selection.current()
screen.question("Which answers could not be read?")

with screen.readable_errors():
    wanted = asked(UnreadSettings)
    most = st.slider(
        "Name models above", 0.0, 1.0, wanted.most, 0.05, key="most", bind="query-params"
    )
    found = kept(unread)(chosen, UnreadSettings(most=most))
    if not found.rows:
        screen.empty(
            found.sentence,
            "Import results with samples, or choose other models on the left.",
            page="runs",
            link="Import results",
        )
        st.stop()
    screen.answer(found.sentence)
    table = pd.DataFrame(found.rows, columns=["model", "answers", "not read"])
    screen.table(table, "unread", formats={"not read": percent})
    screen.caption(
        n=int(table["answers"].sum()),
        estimator="unparsed / (correct + wrong + unparsed)",
        more=["Denominator: all answers; errors of a run are in no denominator"],
        methods=["accuracy"],
    )
