"""How fast it is: each figure beside a bare limit measured in the same run."""
