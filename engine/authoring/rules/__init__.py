"""What is wrong with a campaign that compiles: one file a rule.

Each rule's ``check`` yields the problems of one draft; rules that need all campaigns together take
them all. ``engine.authoring.lint`` runs them.
"""
