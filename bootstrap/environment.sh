# Sourced by the scripts beside it: the variables of .env.example, overridden by .env, overridden
# by the caller's environment, exported.
PROJECT=$(cd "$(dirname "$0")/.." && pwd)

read_variables() { # file
    while IFS= read -r line || [ -n "$line" ]; do
        case "$line" in
            '' | '#'*) continue ;;
            *=*) ;;
            *) continue ;;
        esac
        name=${line%%=*}
        value=${line#*=}
        case "$name" in *[!A-Za-z0-9_]* | '') continue ;; esac
        case "$value" in
            \"*\") value=${value#\"} value=${value%\"} ;;
            \'*\') value=${value#\'} value=${value%\'} ;;
        esac
        eval "present=\${$name+yes}"
        [ "${present:-}" = yes ] || { eval "$name=\$value"; eval "export $name"; }
    done < "$1"
}

if [ -f "$PROJECT/.env" ]; then read_variables "$PROJECT/.env"; fi
read_variables "$PROJECT/.env.example"
