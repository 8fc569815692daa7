"""The pages for people: a Django project with django-allauth, a database of its own, and no key."""
