"""Results as plotly figures: plain dictionaries in, plain dictionaries out, no Streamlit."""
