"""Noticing names of persons: by the name of a column, and by how its texts are written."""

import re
from collections.abc import Sequence

# Whom a column may name; a plural ends in "s" or "en".
PEOPLE = {
    *("person", "people", "customer", "client", "passenger", "employee", "contact", "author"),
    *("patient", "student", "pupil", "teacher", "owner", "driver", "guest", "member", "user"),
    *("worker", "manager", "applicant", "candidate", "buyer", "seller", "tenant", "staff"),
    *("doctor", "physician", "recipient", "sender", "supervisor", "salesperson", "attendee"),
    *("participant", "subscriber", "donor", "borrower", "player", "reviewer", "assignee"),
    *("kunde", "kundin", "mitarbeiter", "mitarbeiterin", "ansprechpartner", "bearbeiter"),
    *("fahrer", "gast", "mieter", "nutzer", "autor", "autorin", "patientin", "schueler"),
    *("lehrer", "spieler", "bewerber", "besitzer", "verkaeufer", "mitglied"),
}
# What else a column may name, also of a person: the city of a customer.
THINGS = {
    *("company", "firm", "business", "product", "item", "brand", "model", "car", "vehicle", "make"),
    *("city", "town", "state", "region", "country", "county", "street", "address", "place", "ort"),
    *("stadt", "land", "firma", "produkt", "artikel", "marke", "hotel", "shop", "store", "school"),
    *("team", "club", "event", "film", "movie", "title", "song", "track", "book", "file", "group"),
    *("segment", "type", "class", "category", "job", "department", "role", "status", "species"),
}
NAMES = {"name", "names", "fullname"}
# Parts of names that are no capitalised words.
PARTICLES = {"von", "van", "de", "der", "den", "del", "della", "di", "da", "dos", "la", "le", "bin"}
COMPANY = re.compile(r"\b(Inc|Ltd|LLC|GmbH|AG|KG|SE|Corp|Co|plc|Company|Group|Bros)\b|&")
WORD = re.compile(r"[^\W\d_]+(['\u2019-][^\W\d_]+)*\.?")
MAX_WORDS = 5
# The share of texts that look like names, and how many different ones there are at least.
NAME_SHARE, MIN_NAMES = 0.8, 20
# Where no word says that they are of persons, they are hardly ever repeated.
DISTINCT_SHARE = 0.8


def holds_names(field: str, texts: Sequence[str], distinct: int, present: int) -> bool:
    """Whether a column seems to hold names of persons.

    Args:
        field: Its name, in lower case with underscores.
        texts: A sample.
        distinct: The number of its different values.
        present: The number of rows that have one.
    """
    words = {part for word in field.split("_") for part in (word, re.sub("(en|s)$", "", word))}
    if words & THINGS or distinct < MIN_NAMES:
        return False
    is_person = bool(words & PEOPLE)
    if not is_person and (not words & NAMES or distinct < DISTINCT_SHARE * present):
        return False
    # In a column that is called so, names may be in small letters.
    names = [text.title() if text.islower() else text for text in texts]
    return bool(texts) and sum(map(is_name, names)) > NAME_SHARE * len(texts)


def is_name(text: str) -> bool:
    """Whether a text is written as the name of a person: "Ada King", "Doe, Jane van der"."""
    words = re.sub(r"\(.*?\)", "", text).replace(",", " ").split()
    capitalised = [word for word in words if word.lower() not in PARTICLES]
    return (
        len(capitalised) >= 2
        and len(words) <= MAX_WORDS
        and all(WORD.fullmatch(word) and word[0].isupper() for word in capitalised)
        and any(len(word) > 2 for word in capitalised)
        and not COMPANY.search(text)
    )
