use quick_xml::events::Event;

/// An element with text, of a request's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The innermost elements of a document with their text, in order; none when it is not well formed.
pub(crate) fn read_elements(body: &[u8]) -> Option<Vec<Element>> {
    let text = std::str::from_utf8(body).ok()?;
    let mut reader = quick_xml::Reader::from_str(text.trim_start_matches('\u{feff}'));
    let (mut elements, mut open, mut content) = (Vec::new(), Vec::<String>::new(), String::new());
    let mut innermost = false;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                open.push(String::from_utf8_lossy(start.local_name().as_ref()).into_owned());
                content.clear();
                innermost = true;
            }
            Event::Text(part) => content.push_str(&part.decode().ok()?),
            Event::GeneralRef(reference) => {
                let name = reference.decode().ok()?;
                content.push_str(quick_xml::escape::resolve_xml_entity(&name)?);
            }
            Event::End(_) => {
                let name = open.pop()?;
                if innermost {
                    elements.push(Element {
                        name,
                        text: content.trim().to_string(),
                    });
                }
                innermost = false;
            }
            Event::Empty(empty) => elements.push(Element {
                name: String::from_utf8_lossy(empty.local_name().as_ref()).into_owned(),
                text: String::new(),
            }),
            Event::Eof => return open.is_empty().then_some(elements),
            _ => {}
        }
    }
}

/// Text as it may stand inside an element.
pub(crate) fn escape(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_list_keeps_its_order() {
        let body = b"<?xml version=\"1.0\"?><BlockList><Latest>AA==</Latest><Committed>Q&amp;g==</Committed></BlockList>";
        let elements = read_elements(body).unwrap();
        let seen: Vec<(&str, &str)> = elements
            .iter()
            .map(|e| (e.name.as_str(), e.text.as_str()))
            .collect();
        assert_eq!(seen, [("Latest", "AA=="), ("Committed", "Q&g==")]);
        assert_eq!(read_elements(b"<BlockList><Latest>"), None);
    }
}
