"""Which complexity does a model use on tasks that can be solved at several? `probe_tasks` is the
way in.
"""
