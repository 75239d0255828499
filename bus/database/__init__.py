"""Roles of a site's PostgreSQL: who may log in, with which password and rights.

`roles` has the types, `scram` what the server keeps of a password, `plan` decides which statements turn the live roles
into the wanted ones, `sql` writes them down, and `admin` reads and applies through a function that runs psql in the
server's pod (docs/adr/0057).
"""
