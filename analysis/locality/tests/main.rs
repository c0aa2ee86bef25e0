//! Locality from outside: paths, databases, tables.
mod databases;
mod malformed;
mod mmdb;
mod paths;
mod seed;
mod servers;
