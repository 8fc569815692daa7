"""The review desk: requests of staff to see recordings, their leases, and each view, which is entered before its first byte."""
