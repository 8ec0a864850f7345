"""One folder a page: `page.py` is the script that Streamlit runs, the files beside it hold its
sections and controls.
"""
