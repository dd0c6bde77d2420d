# Completion of the ocireg command in bash. It reads the program's own help, so it knows what that program knows.

_ocireg_options() { # the options in a help text, those that take "=VALUE" with the "="
    sed -nE 's/^  (-[^][ ]*).*/\1/p'
}

_ocireg() {
    local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]} help commands valued word at=1 found=
    help=$("$program" --help 2>/dev/null) || return
    commands=$(sed -nE '/^commands:/,/^options/s/^  (([a-z0-9]+ ?)+).*/\1/p' <<<"$help" | sed 's/ $//')
    valued=" $(sed -n '/^options/,$p' <<<"$help" | sed -nE 's/^  (-[^] []+) (\[|[A-Z]).*/\1/p' | tr '\n' ' ') "
    # The words up to this one that are the command; the value of an option is not one of them.
    for ((; at < COMP_CWORD; at++)); do
        word=${COMP_WORDS[at]}
        if [[ $word == -* ]]; then
            [[ $valued != *" $word "* ]] || ((at++))
        elif grep -qE "^${found:+$found }$word( |\$)" <<<"$commands"; then
            found=${found:+$found }$word
        else
            break
        fi
    done
    COMPREPLY=()
    if [[ $current == -* ]]; then
        if [ -n "$found" ]; then
            # shellcheck disable=SC2086 # the command's words
            help=$("$program" $found --help 2>/dev/null)
        else
            help=$(sed -n '/^options/,$p' <<<"$help")
        fi
        mapfile -t COMPREPLY < <(compgen -W "$(_ocireg_options <<<"$help")" -- "$current")
    elif ((at == COMP_CWORD)) && ! grep -qx "$found" <<<"$commands"; then
        mapfile -t COMPREPLY < <(compgen -W "$(sed -nE "s/^${found:+$found }([a-z0-9]+).*/\1/p" <<<"$commands" | sort -u)" -- "$current")
    else
        compopt -o default 2>/dev/null
    fi
}

complete -F _ocireg ocireg
