"""Forms for notebooks: one contact to edit or create, a browser to find it, and a plan's view.

They are drawn from a provider's declaration, and know no provider by name.
"""

from contactkit.forms.browser import ContactBrowser
from contactkit.forms.contact_form import ContactForm
from contactkit.forms.plan_view import PlanView

__all__ = ["ContactBrowser", "ContactForm", "PlanView"]
