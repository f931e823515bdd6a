import { type CompletedOption, type Place, valuedOptions } from './places.ts';

/** The script that completes `leat` in bash, for `eval` or a file. */
export function bashCompletion(places: readonly Place[]): string {
  const valued = valuedOptions(places);
  const chosen = valued.filter(({ choices }) => choices.length > 0);
  return `# Completion of leat for bash: eval "$(leat completion bash)"
_leat() {
  local current=\${COMP_WORDS[COMP_CWORD]} path='' word option='' words='' options='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    # The sign between an option and its value is a word of its own here.
    if [[ $word == '=' ]]; then continue; fi
    if [[ -n $option ]]; then option=''; continue; fi
    case $word in
      ${names(valued).replaceAll(' ', '|')}) option=$word ;;
      -*) ;;
      *)
        case "$path\${path:+ }$word" in
          ${places
            .filter(({ path }) => path !== '')
            .map(({ path }) => `'${path}'`)
            .join('|')}) path="$path\${path:+ }$word" ;;
        esac ;;
    esac
  done
  COMPREPLY=()
  if [[ $current == '=' ]]; then current=''; fi
  case $option in
    '') ;;
${chosen.map(({ flag, choices }) => `    ${flag}) words='${choices.join(' ')}' ;;`).join('\n')}
    *) return ;;
  esac
  if [[ -z $option ]]; then
    case $path in
${places
  .map(({ path, words, options }) => {
    const listed = words.map(([name]) => name).join(' ');
    return `      '${path}') words='${listed}' options='${names(options)}' ;;`;
  })
  .join('\n')}
    esac
    if [[ $current == -* ]]; then words=$options; fi
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
# Files, where nothing else is known.
complete -o default -F _leat leat
`;
}

function names(options: readonly CompletedOption[]): string {
  return options.map(({ flag }) => flag).join(' ');
}
