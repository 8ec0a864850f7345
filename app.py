"""The dashboard's front door: the table of pages, nothing else. Start it with `make app`.

Streamlit loads this file twice over: the server imports it once, at its start, and finds `app`; each visit then runs it as a script.
"""

import streamlit as st

from ui import startup

PAGES = (
    startup.PageInfo("overview", "Overview", ":material/home:"),
    startup.PageInfo("valley", "Valley", ":material/stacked_line_chart:"),
    startup.PageInfo("samples", "Samples", ":material/article:"),
    startup.PageInfo("probe", "Probe", ":material/labs:"),
    startup.PageInfo("runs", "Runs", ":material/inventory_2:"),
)

if __name__ == "__main__":
    from ui import shell

    shell.run(PAGES)
else:
    startup.prepare(PAGES)
    app = st.App(__file__, routes=startup.routes(PAGES))
