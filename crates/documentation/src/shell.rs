//! The commands in a piece of shell: enough of its grammar for documentation, which has no loops and no conditions.

use std::iter::Peekable;
use std::str::Chars;

/// One command, without redirections and assignments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments, without quotes. A substitution is `$(…)`; a variable stays as it is written.
    pub words: Vec<String>,
}

/// Returns the commands of a text in order, those in substitutions before the command that contains them.
#[must_use]
pub fn commands(text: &str) -> Vec<Command> {
    let mut reader = Reader {
        rest: text.chars().peekable(),
        commands: Vec::new(),
        current: Command::default(),
        documents: Vec::new(),
    };
    reader.read();
    reader.commands
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    commands: Vec<Command>,
    current: Command,
    /// Words that end the here-documents which begin after this line.
    documents: Vec<String>,
}

impl Reader<'_> {
    fn read(&mut self) {
        while let Some(&next) = self.rest.peek() {
            match next {
                '\n' => {
                    self.rest.next();
                    self.end();
                    self.skip_documents();
                }
                ';' | '|' | '&' | '(' | ')' => {
                    self.rest.next();
                    self.end();
                }
                '#' => self.skip_line(),
                '<' | '>' => self.redirection(),
                c if c.is_whitespace() => {
                    self.rest.next();
                }
                _ => {
                    let word = self.word();
                    self.push(word);
                }
            }
        }
        self.end();
    }

    fn push(&mut self, word: String) {
        let assigned = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
        });
        let first = self.current.words.is_empty();
        // A backslash at the end of a line continues it, and braces only group.
        if !(word.is_empty() || first && (assigned || word == "{" || word == "}")) {
            self.current.words.push(word);
        }
    }

    fn end(&mut self) {
        let command = std::mem::take(&mut self.current);
        if !command.words.is_empty() {
            self.commands.push(command);
        }
    }

    fn skip_line(&mut self) {
        while self.rest.peek().is_some_and(|c| *c != '\n') {
            self.rest.next();
        }
    }

    fn redirection(&mut self) {
        let mut operator = String::new();
        while let Some(c) = self.rest.next_if(|c| matches!(c, '<' | '>' | '&')) {
            operator.push(c);
        }
        while self.rest.next_if(|c| *c == ' ').is_some() {}
        let target = self.word();
        if operator == "<<" {
            self.documents.push(target);
        }
    }

    /// Skips the here-documents of the line that has just ended.
    fn skip_documents(&mut self) {
        for end in std::mem::take(&mut self.documents) {
            loop {
                let mut line = String::new();
                let mut ended = true;
                for c in self.rest.by_ref() {
                    if c == '\n' {
                        ended = false;
                        break;
                    }
                    line.push(c);
                }
                if line == end || ended {
                    break;
                }
            }
        }
    }

    /// Reads a word and resolves its quotes.
    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(&c) = self.rest.peek() {
            match c {
                '\'' => {
                    self.rest.next();
                    word.extend(self.rest.by_ref().take_while(|c| *c != '\''));
                }
                '"' => {
                    self.rest.next();
                    self.quoted(&mut word);
                }
                '\\' => {
                    self.rest.next();
                    word.extend(self.rest.next().filter(|c| *c != '\n'));
                }
                '$' => {
                    self.rest.next();
                    self.dollar(&mut word);
                }
                c if c.is_whitespace() || matches!(c, ';' | '|' | '&' | '<' | '>' | '(' | ')') => {
                    break;
                }
                _ => word.extend(self.rest.next()),
            }
        }
        word
    }

    fn quoted(&mut self, word: &mut String) {
        while let Some(c) = self.rest.next() {
            match c {
                '"' => return,
                '\\' => word.extend(self.rest.next()),
                '$' => self.dollar(word),
                _ => word.push(c),
            }
        }
    }

    fn dollar(&mut self, word: &mut String) {
        if self.rest.next_if_eq(&'(').is_none() {
            word.push('$');
            return;
        }
        let mut depth = 1;
        let mut inner = String::new();
        for c in self.rest.by_ref() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            inner.push(c);
        }
        self.commands.extend(commands(&inner));
        word.push_str("$(…)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<String>> {
        commands(text)
            .into_iter()
            .map(|found| found.words)
            .collect()
    }

    #[test]
    fn quotes_continuations_and_pipes_are_read_as_a_shell_reads_them() {
        let text = "a 'b c' \"d $e\" \\\n  --f=g | h && i # j\n";
        assert_eq!(
            words(text),
            [vec!["a", "b c", "d $e", "--f=g"], vec!["h"], vec!["i"]]
        );
    }

    #[test]
    fn here_documents_and_assignments_are_no_commands() {
        let text = "x=$(y z) a -f - <<'E' | b\nnot this\nE\nc >d\n";
        assert_eq!(
            words(text),
            [vec!["y", "z"], vec!["a", "-f", "-"], vec!["b"], vec!["c"]]
        );
    }

    #[test]
    fn commands_in_substitutions_count() {
        let text = "k --v=\"$(k get -o jsonpath='{.a}')\"";
        let expected = [
            vec!["k", "get", "-o", "jsonpath={.a}"],
            vec!["k", "--v=$(…)"],
        ];
        assert_eq!(words(text), expected);
    }
}
