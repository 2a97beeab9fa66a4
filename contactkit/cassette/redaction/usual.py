"""What fields are usually called, whose values are personal though no declaration lists them.

Providers, proxies and files send more than a provider documents. English, and the words of other
languages that forms and files have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from contactkit.cassette.redaction.pseudonyms import Kind

_WORDS: dict[Kind, str] = {
    "first": "firstname givenname namefirst forename fname vorname prenom voornaam imie fornavn "
    "nombre nombredepila christianname calledname",
    "last": "lastname familyname surname namelast maidenname lname nachname familienname "
    "nomdefamille achternaam nazwisko efternamn etternavn apellido apellidos primerapellido "
    "segundoapellido cognome sobrenome sirname secondname birthname mothersmaidenname",
    "full": "name fullname displayname realname legalname preferredname personname personalname "
    "contactname customername clientname patientname guestname visitorname employeename "
    "staffname membername parentname guardianname spousename partnername nomineename "
    "recipientname sendername ownername holdername cardholder cardholdername nameoncard "
    "accountholder accountholdername accountname authorname username userfullname nickname nick "
    "screenname middlename mname othername formattedname namefull sortas assignedto assignee "
    "addressee attention attn insuredname beneficiary beneficiaryname signedby signatory cn "
    "commonname nom nome naam navn namn emergencycontact nextofkin agentname dispatchername "
    "drivername passengername tenantname landlordname subscriber subscribername leadname "
    "reportedby requestedby createdby updatedby fromname toname",
    "free": "birthdate birthday dateofbirth dob bday born geburtsdatum birthplace placeofbirth "
    "address addr adr address1 address2 address3 addressline1 addressline2 addressline3 "
    "addressline street street1 street2 streetname streetaddress streetline1 streetline2 "
    "mailingaddress homeaddress workaddress postaladdress billingaddress shippingaddress "
    "deliveryaddress residence residential adresse anschrift strasse rue calle direccion "
    "indirizzo plz postleitzahl codepostal wohnort zip zipcode postcode postalcode housenumber "
    "apartment aptnumber geo latitude longitude latlong gpscoordinates homelocation taxid "
    "taxnumber taxpayerid taxidentifier taxidentificationnumber tin vatid steuernummer steuerid "
    "itin ein nationalid nationalidnumber nationalinsurancenumber nino personalid personalnumber "
    "personnummer identitynumber idnumber idcardnumber citizenid aadhaar aadhar pannumber curp "
    "cpf dni nie nif nhsnumber sin socialinsurancenumber socialsecurity socialsecuritynumber "
    "ssn4 ssnlast4 last4ssn bsn pesel codicefiscale passport passportnumber passportno "
    "driverlicense driverslicense driverlicensenumber driverslicensenumber drivinglicence "
    "licensenumber licencenumber licenseplate numberplate platenumber vin cardnumber ccnumber "
    "creditcard creditcardnumber debitcard debitcardnumber pan primaryaccountnumber cardno "
    "cardlast4 last4 iban bic bankaccount bankaccountnumber accountnumber accountno acctno "
    "routingnumber sortcode abanumber kontonummer insurancenumber insuranceid policyholder "
    "policynumber medicalrecordnumber mrn patientid memberid healthid medicareid diagnosis "
    "allergies bloodtype ethnicity religion ipaddress ipaddr clientip remoteip remoteaddr "
    "remoteaddress userip xforwardedfor xrealip forwarded macaddress imei imsi deviceid twitter "
    "instagram skype linkedin facebook twitterhandle telegramid vcardnote",
    "phone": "phone phonenumber phoneno mobile mobilephone mobilenumber mobileno cell cellphone "
    "cellnumber tel telephone telephonenumber telno landline homephone workphone officephone "
    "businessphone dayphone eveningphone emergencyphone fax faxnumber whatsapp whatsappnumber "
    "msisdn contactnumber contactphone callerid smsnumber telefon telefonnummer handy "
    "handynummer telefono celular movil telefone phonehome phonework tonumber fromnumber "
    "primaryphone secondaryphone alternatephone recipientphone",
    "email": "email emailaddress mail emailid eml emailaddr mailaddress contactemail useremail "
    "workemail homeemail personalemail primaryemail secondaryemail alternateemail billingemail "
    "replyto correo correoelectronico courriel epost emailadresse loginhint upn "
    "userprincipalname",
}
_KINDS: dict[str, Kind] = {word: kind for kind, words in _WORDS.items() for word in words.split()}
# With one of these, whatever is said before them is said of a person.
_ENDINGS: tuple[str, ...] = tuple(
    "firstname givenname lastname familyname surname fullname displayname middlename maidenname "
    "phonenumber phone mobilephone emailaddress email dateofbirth birthdate streetaddress "
    "postalcode zipcode postcode cardnumber accountnumber taxid passportnumber cardholdername "
    "ipaddress mailingaddress homeaddress billingaddress shippingaddress".split()
)
_CONTAINERS = frozenset(
    "name fullname address addr adr homeaddress workaddress mailingaddress billingaddress "
    "shippingaddress postaladdress deliveryaddress addresses phones phonenumbers emails "
    "emailaddresses names creditcard bankaccount passport geo nextofkin emergencycontact".split()
)
_NOT_PERSONAL = frozenset(
    "id ids type status kind created updated at primary verified country".split()
)


def normalise(name: str) -> str:
    """A name without case and joints."""
    return re.sub(r"[_\-\s.:'/]", "", name).lower()


@lru_cache(maxsize=8192)
def usual_kind(name: str) -> Kind | None:
    """The kind of the values that usually have this name."""
    plain = normalise(name)
    if plain in _KINDS:
        return _KINDS[plain]
    # The last words of a longer name, such as billing_last_name or customerPhone.
    for ending in _ENDINGS:
        if plain.endswith(ending) and _begins_word(name, len(plain) - len(ending)):
            return _KINDS[ending]
    return _KINDS.get(plain.rstrip("s0123456789")) if len(plain) > 4 else None


def _begins_word(name: str, index: int) -> bool:
    """Whether a word of a name begins after this many letters."""
    starts = {0}
    for match in re.finditer(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name):
        starts.add(len(normalise(name[: match.start()])))
    return index in starts


@lru_cache(maxsize=4096)
def usual_container(names: tuple[str, ...]) -> Kind | None:
    """The kind of the values in an object or a list that usually has one of these names."""
    if not names or normalise(names[-1]) in _NOT_PERSONAL:
        return None
    outer: Iterator[str] = (normalise(name) for name in names[:-1])
    return "free" if any(name in _CONTAINERS for name in outer) else None
