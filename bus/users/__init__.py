"""Users of a site's Kafka: which brick may do what, with which password.

`rights` come from the fragments of all bricks, `passwords` are kept or made, `plan` decides, `admin`
asks and changes the brokers. `switching` judges an authorizer that is switched on or off.
"""
