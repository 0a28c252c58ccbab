#!/bin/sh
# Makes the made-up purchase in this directory: once with RSA keys (here), once with ECDSA keys (in ecdsa/).
#
#   ./make.sh          makes everything again, in place
#
# Needs openssl 3 and zip. The keys are new at every run, so every file changes; names, serial numbers, dates, the layout and
# all oddities stay. What each file is for stands in README.md.
set -eu
cd "$(dirname "$0")"
umask 022

not_before=20250101000000Z
not_after=20550101000000Z
zip_time="2025-01-02 03:04:06"

main() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    purchase . RSA digitalSignature,keyEncipherment \
        -algorithm RSA -pkeyopt rsa_keygen_bits:2048
    purchase ecdsa ECDSA digitalSignature \
        -algorithm EC -pkeyopt ec_paramgen_curve:P-256
}

# purchase DIR KIND KEY-USAGE GENPKEY-OPTIONS...: one CA, one order, one zip.
purchase() {
    dir=$1 kind=$2 usage=$3
    shift 3
    ca=$work/$kind
    mkdir -p "$dir" "$ca/zip"
    for who in root intermediate leaf; do
        openssl genpkey -quiet "$@" -out "$ca/$who.key"
    done
    ca_config >"$ca/ca.cnf"
    certificate root "/C=XX/O=Example Trust/CN=Example Root R2" root 1001
    certificate intermediate "/C=XX/O=Example Trust/CN=Example DV CA G3" root 1002
    certificate leaf "/CN=mail.example.org" intermediate 10203040506070

    sed 's/$/\r/' "$ca/leaf.pem" >"$ca/zip/mail_example_org.crt"
    openssl x509 -in "$ca/intermediate.pem" -outform DER -out "$ca/zip/DV_CA_G3.cer"
    cat "$ca/root.pem" "$ca/leaf.pem" "$ca/intermediate.pem" >"$ca/zip/ca-bundle.crt"
    readme "$kind" >"$ca/zip/readme.txt"

    pack "$ca/zip" "$PWD/$dir/mail_example_org.zip"
    cp "$ca/root.pem" "$dir/example-root-r2.pem"
    cp "$ca/leaf.key" "$dir/mail.key"
}

# certificate WHO SUBJECT ISSUER SERIAL: the root signs itself.
certificate() {
    signer="-cert $ca/$3.pem"
    [ "$1" != root ] || signer=-selfsign
    : >"$ca/index.txt"
    echo "$4" >"$ca/serial"
    openssl req -new -key "$ca/$1.key" -subj "$2" -out "$ca/$1.csr"
    # shellcheck disable=SC2086 # $signer is one or two words
    openssl ca -config "$ca/ca.cnf" -batch -notext -md sha256 -preserveDN -extensions "$1" \
        -startdate "$not_before" -enddate "$not_after" $signer -keyfile "$ca/$3.key" \
        -in "$ca/$1.csr" -out "$ca/$1.pem" 2>"$ca/log" || { cat "$ca/log" >&2; exit 1; }
}

# What `openssl ca` needs to know; the last three sections are the extensions of each certificate.
ca_config() {
    cat <<CONFIG
[ca]
default_ca = it
[it]
database = $ca/index.txt
serial = $ca/serial
new_certs_dir = $ca
policy = any
unique_subject = no
[any]
countryName = optional
organizationName = optional
commonName = supplied

[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash

[intermediate]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, digitalSignature, keyCertSign, cRLSign
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
authorityInfoAccess = caIssuers;URI:http://ca.example.net/example-root-r2.cer
crlDistributionPoints = URI:http://crl.example.net/example-root-r2.crl
certificatePolicies = 2.23.140.1.2.1

[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, $usage
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
authorityInfoAccess = caIssuers;URI:http://ca.example.net/dv-ca-g3.cer
crlDistributionPoints = URI:http://crl.example.net/dv-ca-g3.crl
certificatePolicies = 2.23.140.1.2.1
subjectAltName = DNS:mail.example.org, DNS:imap.example.org
CONFIG
}

# The note that the CA adds for its customer, with the line ends of the CA's Windows.
readme() {
    sed 's/$/\r/' <<TEXT
Thank you for ordering an Example DV certificate ($1).

Order:    4711
Names:    mail.example.org, imap.example.org

mail_example_org.crt   your certificate
DV_CA_G3.cer           our issuing CA
ca-bundle.crt          everything together
TEXT
}

# Members in a fixed order with a fixed time, and no uid or gid.
pack() (
    cd "$1"
    TZ=UTC touch -d "$zip_time" ./*
    rm -f "$2"
    TZ=UTC zip -qX "$2" readme.txt ca-bundle.crt DV_CA_G3.cer mail_example_org.crt
)

main
