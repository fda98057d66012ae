# The variables of Longitude, for the scripts beside this one (sourced) or as a command:
#
#   environment.sh check     say what is wrong with .env and with the caller's environment
#
# .env.example is the only list of variables: names, defaults and, after `form:`, what is allowed.
# Sourced, it exports every variable: the caller's value, else the one in .env, else the default.
PROJECT=${PROJECT:-$(cd "$(dirname "$0")/.." && pwd)}
EXAMPLE=$PROJECT/.env.example
DOTENV=$PROJECT/.env

assignments() { # file -> NAME=value lines, quotes removed
    sed -n -E "s/^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/\2=\3/p" "$1" |
        sed -E "s/^([^=]+)=\"(.*)\"[[:space:]]*(#.*)?\$/\1=\2/; t; s/^([^=]+)='(.*)'[[:space:]]*(#.*)?\$/\1=\2/; t; s/[[:space:]]+(#.*)?\$//"
}

known_names() { assignments "$EXAMPLE" | cut -d= -f1; }

forms() { # NAME<tab>words<tab>regular expression
    awk '/^#   form: / { form = substr($0, 11) }
         /^[A-Z][A-Z0-9_]*=/ { name = $0; sub(/=.*/, "", name); at = index(form, " = ")
            print name "\t" substr(form, 1, at - 1) "\t" substr(form, at + 3) }' "$EXAMPLE"
}

read_variables() { # file
    while IFS= read -r line; do
        name=${line%%=*}
        eval "present=\${$name+yes}"
        if [ "${present:-}" != yes ]; then
            export "$name=${line#*=}"
        fi
    done <<LINES
$(assignments "$1")
LINES
}

check_variables() { # prints every fault, returns 1 if there is one
    faults=0
    if [ -f "$DOTENV" ]; then
        for name in $(assignments "$DOTENV" | cut -d= -f1); do
            if ! known_names | grep -qx "$name"; then
                near=$(known_names | grep -x -i "$(printf '%s' "$name" | sed 's/_//g; s/./&_*/g')" | head -n 1 || true)
                printf 'environment: %s in .env is not a variable of Longitude%s; .env.example lists them all\n' \
                    "$name" "${near:+ (did you mean $near?)}" >&2
                faults=1
            fi
        done
    fi
    tab=$(printf '\t')
    while IFS="$tab" read -r name words expression; do
        eval "value=\$$name"
        if ! printf '%s\n' "$value" | grep -Eq "$expression"; then
            printf "environment: %s is '%s', which is not allowed: it takes %s\n" "$name" "$value" "$words" >&2
            faults=1
        fi
    done <<FORMS
$(forms)
FORMS
    return "$faults"
}

if [ -f "$DOTENV" ]; then read_variables "$DOTENV"; fi
read_variables "$EXAMPLE"

case "${0##*/}:${1:-}" in
    environment.sh:check) check_variables ;;
esac
