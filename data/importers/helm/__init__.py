"""HELM: run folders."""
