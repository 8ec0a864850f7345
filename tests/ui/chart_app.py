"""The smallest app around the chart component, for tests/ui/test_chart.py: a figure that a slider
changes, and what was clicked.
"""

import streamlit as st

from ui.chart import library_route, preload_chart, show_chart

HOSTILE = "<b>bold</b> <img src=x onerror=alert(1)> &lt; $x$"


def draw() -> None:
    preload_chart()
    height = st.slider("height", 1, 9, 2)
    figure = {
        "data": [
            {
                "type": "scatter",
                "mode": "markers",
                "x": [1, 2, 3],
                "y": [1, float("nan"), height],
                "marker": {"color": "@text", "size": 14},
                "customdata": [{"model": HOSTILE, "level": level} for level in (1, 2, 3)],
            }
        ],
        "layout": {
            "height": 300,
            "meta": {"sentence": f"Three points, <one> at {height}.", "file_name": "points"},
        },
    }
    clicked = show_chart(figure, key="points")
    st.session_state["clicks"] = st.session_state.get("clicks", 0) + (clicked is not None)
    st.text(f"clicked {clicked!r}")
    st.text(f"clicks {st.session_state['clicks']}")
    st.button("again")


if __name__ == "__main__":
    draw()
else:
    app = st.App(__file__, routes=[library_route()])
