"""Ports between the web process and the keeper about accounts of customers and staff."""
