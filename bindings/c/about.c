/* The commands help, version and completion. Shows: ocireg_version. */
#include "command.h"
#include "place_kinds.h"

#include <string.h>

static int help(struct session *session, const struct command_line *line)
{
    struct arguments about = {.words = (char **)line->arguments};
    size_t words = 0;
    while (about.word_count < MOST_ARGUMENTS && line->arguments[about.word_count] != NULL)
        about.word_count++;
    if (command_named(session->globals->commands, &about, &words) != NULL && words < about.word_count)
        return report_usage("there is no command %s %s", about.words[0], about.words[words]);
    return help_about(session->globals->commands, &about, session->output);
}

static int version(struct session *session, const struct command_line *line)
{
    (void)line;
    return session_print_value(session, "version", ocireg_version(), "ocireg ");
}

/* What each shell has to be told; the rest is the command's own knowledge (completion.c). Where it offers nothing the shell offers files,
 * behind the colon of a place such as oci:DIR too. bash cuts words at colons (COMP_WORDBREAKS): it is given the part after the last one,
 * and the command the words as they were cut, of which only the last is completed. PLACES stands for what the names of places begin with. */
#define PLACES "@PLACES@"
static const char bash[] =
    "# Completion of the ocireg command in bash.\n"
    "_ocireg() {\n"
    "    local place=${COMP_LINE:0:COMP_POINT}\n"
    "    place=${place##*[[:space:]]}\n"
    "    if [[ $place =~ ^" PLACES "[^:]*$ ]]; then\n"
    "        place=${place#*:}\n"
    "        [[ $COMP_WORDBREAKS == *:* ]] && compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$place\")\n"
    "        [[ $COMP_WORDBREAKS == *:* ]] || COMPREPLY=(\"${COMPREPLY[@]/#/${COMP_WORDS[COMP_CWORD]%%:*}:}\")\n"
    "        return\n"
    "    fi\n"
    "    mapfile -t COMPREPLY < <(\"${COMP_WORDS[0]}\" " COMPLETE " \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null | cut -f1)\n"
    "    [ ${#COMPREPLY[@]} -gt 0 ] || compopt -o default 2>/dev/null\n"
    "}\n"
    "complete -F _ocireg ocireg\n";
static const char zsh[] =
    "#compdef ocireg\n"
    "# Completion of the ocireg command in zsh.\n"
    "_ocireg() {\n"
    "    local -a found\n"
    "    if [[ $words[CURRENT] =~ ^" PLACES " ]]; then compset -P '*:'; _files; return; fi\n"
    "    found=(${(f)\"$(${words[1]} " COMPLETE " \"${(@)words[2,CURRENT]}\" 2>/dev/null | sed -e 's/:/\\\\:/g' -e 's/\\t/:/')\"})\n"
    "    if (( ${#found} )); then _describe ocireg found; else _files; fi\n"
    "}\n"
    "if [ \"$funcstack[1]\" = _ocireg ]; then _ocireg \"$@\"; else compdef _ocireg ocireg; fi\n";
static const char fish[] =
    "# Completion of the ocireg command in fish.\n"
    "function __ocireg_complete\n"
    "    set -l line (commandline -opc) (commandline -ct)\n"
    "    set -l place (string match -r '^" PLACES "' -- $line[-1])\n"
    "    if set -q place[1]\n"
    "        set -l begun (string replace -r '^[^:]*:' '' -- $line[-1])\n"
    "        for file in (complete -C \"cat $begun\" | string replace -r '\\t.*' '')\n"
    "            echo $place[1]$file\n"
    "        end\n"
    "    else\n"
    "        $line[1] " COMPLETE " $line[2..-1] 2>/dev/null\n"
    "    end\n"
    "end\n"
    "complete -c ocireg -a '(__ocireg_complete)'\n";

static void print_script(const char *script)
{
    const char *hole;
    for (; (hole = strstr(script, PLACES)) != NULL; script = hole + strlen(PLACES)) {
        fwrite(script, 1, (size_t)(hole - script), stdout);
        place_kinds_pattern();
    }
    fputs(script, stdout);
}

static int completion(struct session *session, const struct command_line *line)
{
    const char *shell = line->arguments[0];
    const char *script = strcmp(shell, "bash") == 0 ? bash : strcmp(shell, "zsh") == 0 ? zsh : strcmp(shell, "fish") == 0 ? fish : NULL;
    if (script == NULL)
        return report_usage("there is completion for bash, zsh and fish, but not for %s", shell);
    print_script(script);
    return output_flush(session->output);
}

const struct command command_help = {
    .name = "help",
    .arguments = {"[COMMAND]", "[SUBCOMMAND]"},
    .summary = "Show the help of a command, or this list.",
    .run = help,
};

const struct command command_version = {
    .name = "version",
    .summary = "Show the library's version.",
    .run = version,
};

const struct command command_completion = {
    .name = "completion",
    .arguments = {"{bash|zsh|fish}"},
    .summary = "Print a script for completion in a shell: source <(ocireg completion bash).",
    .run = completion,
};
