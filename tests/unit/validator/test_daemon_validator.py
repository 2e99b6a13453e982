"""The daemon on tables in memory and files on the disk."""


