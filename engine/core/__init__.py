"""Pure decisions about one customer's world: values in, decisions out."""
