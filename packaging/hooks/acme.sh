#!/bin/sh
# acme.sh: a deploy function, for ~/.acme.sh/deploy/pkit.sh and
#   export PKIT_OPTIONS='--reload dovecot,postfix --verify imaps://localhost'
#   acme.sh --deploy -d mail.example.org --deploy-hook pkit
# acme.sh sources it and calls pkit_deploy with the domain, key, certificate, CA and full chain. The options are kept with the
# domain, for renewals come without the variable; to change them, deploy once more with others. acme.sh keeps the key from one
# renewal to the next unless it is told --always-force-new-domain-key.

pkit_deploy() {
    _cdomain=$1
    _ckey=$2
    _cfullchain=$5

    _getdeployconf PKIT_OPTIONS
    if [ -n "${PKIT_OPTIONS:-}" ]; then
        _savedeployconf PKIT_OPTIONS "$PKIT_OPTIONS"
    fi

    # A wildcard's versions are kept under the name without the star.
    # shellcheck disable=SC2086 # several words on purpose
    pkit renew deploy -q --name "${_cdomain#\*.}" ${PKIT_OPTIONS:-} --from "$_ckey" "$_cfullchain"
}
