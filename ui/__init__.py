"""What pages share: the selection, screen parts, figures, what is kept between reruns, and what a
meeting takes home.
"""
