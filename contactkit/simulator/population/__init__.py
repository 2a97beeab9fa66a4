"""One made-up population behind the simulators of all providers."""

from contactkit.simulator.population.population import Population

__all__ = ["Population"]
