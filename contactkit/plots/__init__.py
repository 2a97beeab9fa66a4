"""Pictures of contact frames, result frames and people, in one line each.

Each function returns matplotlib Axes, which a notebook shows if they are the last value of a cell.
"""

try:
    from contactkit.plots.people_matrix import conflicts
    from contactkit.plots.pictures import channel_mix, consent, outcomes, over_time, timeline
except ImportError as error:
    raise ImportError(
        'pictures need their extra: python -m pip install "contactkit[plots]"', name=error.name
    ) from error

__all__ = ["channel_mix", "conflicts", "consent", "outcomes", "over_time", "timeline"]
