"""A simulated provider: it responds by its declaration, in process, with state."""

from contactkit.simulator.population import Population
from contactkit.simulator.simulator import Simulator

__all__ = ["Population", "Simulator"]
