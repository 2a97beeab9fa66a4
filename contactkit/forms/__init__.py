"""Forms for notebooks: one contact to edit or create, and a browser to find it in.

They are drawn from a provider's declaration, and know no provider by name.
"""

from contactkit.forms.browser import ContactBrowser
from contactkit.forms.contact_form import ContactForm

__all__ = ["ContactBrowser", "ContactForm"]
