"""Forms for notebooks: one contact to edit or create, a browser to find it, and views of plans.

The people of several providers have a view as well, with what disagrees about their consent.

They are drawn from a provider's declaration, and know no provider by name.
"""

from contactkit.forms.browser import ContactBrowser
from contactkit.forms.contact_form import ContactForm
from contactkit.forms.people_view import PeopleView
from contactkit.forms.plan_view import PlanView
from contactkit.forms.plans_view import PlansView

__all__ = ["ContactBrowser", "ContactForm", "PeopleView", "PlanView", "PlansView"]
