"""A campaign tried on a year of customers: the daemon's services over worlds in memory."""
