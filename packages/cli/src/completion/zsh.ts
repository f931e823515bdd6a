import { type CompletedOption, type Place, valuedOptions } from './places.ts';

/** The script that completes `leat` in zsh, for `eval` or a file named `_leat` in `$fpath`. */
export function zshCompletion(places: readonly Place[]): string {
  const valued = valuedOptions(places);
  const chosen = valued.filter(({ choices }) => choices.length > 0);
  return `#compdef leat
# Completion of leat for zsh: eval "$(leat completion zsh)"
_leat() {
  local place='' word option=''
  local -a names options
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ -n $option ]]; then option=''; continue; fi
    case $word in
      ${valued.map(({ flag }) => flag).join('|')}) option=$word ;;
      -*) ;;
      *)
        case "$place\${place:+ }$word" in
          ${places
            .filter(({ path }) => path !== '')
            .map(({ path }) => quoted(path))
            .join('|')}) place="$place\${place:+ }$word" ;;
        esac ;;
    esac
  done
  case $option in
    '') ;;
${chosen.map(({ flag, choices }) => `    ${flag}) compadd -- ${choices.join(' ')}; return ;;`).join('\n')}
    *) _files; return ;;
  esac
  case $place in
${places.map(caseOf).join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then _describe -o option options
  elif (( $#names )); then _describe command names
  else _files
  fi
}
if [[ $funcstack[1] == _leat ]]; then _leat "$@"; else compdef _leat leat; fi
`;
}

function caseOf({ path, words, options }: Place): string {
  const names = words.map(([name, meaning]) => quoted(`${name}:${meaning}`));
  return `    ${quoted(path)}) names=(${names.join(' ')}) options=(${options.map(optionOf).join(' ')}) ;;`;
}

function optionOf({ flag, meaning }: CompletedOption): string {
  return quoted(`${flag}:${meaning}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
