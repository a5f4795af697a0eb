use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;
use crate::problem::{Outcome, Problem};

fn find(id: &str) -> Outcome<PathBuf> {
    if id.starts_with("f_") { Ok(format!("/data/files/{id}/a.png").into()) } else { Err(Problem::not_found("file")) }
}

fn check(request: Value) -> Result<(), String> {
    let request: Request = serde_json::from_value(request).map_err(|e| e.to_string())?;
    request.validate(&find).map_err(|problem| problem.detail)
}

#[test]
fn what_cannot_be_done_is_refused_with_its_reason() {
    let stylize = |change: Value| {
        let mut request = json!({"kind": "stylize", "content": "f_1", "styles": [{"name": "great-wave"}]});
        request.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        request
    };
    for accepted in [
        stylize(json!({})),
        stylize(json!({"styles": [{"file": "f_2", "weight": 0.3}, {"artist": "monet", "layers": ["fine"]}]})),
        stylize(
            json!({"styles": [{"file": "f_2"}], "method": "gatys", "settings": {"steps": 5, "levels": null}, "mask": "f_3", "feather": 4}),
        ),
        stylize(json!({"preserve_color": "luma", "adjust": {"hue": 20}, "output": {"format": "tiff"}})),
        json!({"kind": "adjust", "content": "f_1", "adjust": {"contrast": 1.5}}),
        json!({"kind": "generate", "model": "garments", "seeds": [1, 2], "trunc": 0.7, "classes": [{"class": "dress"}]}),
    ] {
        check(accepted.clone()).unwrap_or_else(|why| panic!("{accepted}: {why}"));
    }
    for (refused, why) in [
        (json!({"kind": "paint"}), "unknown variant"),
        (stylize(json!({"colour": 1})), "unknown field"),
        (stylize(json!({"content": null})), "content is missing"),
        (stylize(json!({"content": "../../etc/passwd"})), "is no file's id"),
        (stylize(json!({"content": "j_1"})), "no such file"),
        (stylize(json!({"styles": []})), "give 1 to 8"),
        (stylize(json!({"styles": [{"name": "/etc/passwd"}]})), "no style"),
        (stylize(json!({"styles": [{"name": "great-wave", "file": "f_1"}]})), "exactly one"),
        (stylize(json!({"styles": [{"name": "great-wave", "layers": ["fine"]}]})), "only an artist"),
        (stylize(json!({"styles": [{"artist": "nobody"}]})), "no artist"),
        (stylize(json!({"styles": [{"missing": "mona.jpg"}]})), "upload it"),
        (stylize(json!({"styles": [{"name": "great-wave", "weight": -1}]})), "weight is -1"),
        (stylize(json!({"styles": [{"name": "great-wave", "weight": 0}]})), "sum to zero"),
        (
            stylize(json!({"styles": [{"name": "great-wave"}, {"artist": "monet"}]})),
            "nothing that artist could paint in",
        ),
        (stylize(json!({"method": "refine"})), "nothing that refine could paint in"),
        (stylize(json!({"styles": [{"artist": "monet"}], "method": "fusion"})), "does not know monet"),
        (stylize(json!({"method": "gaty"})), "no method 'gaty'"),
        (stylize(json!({"method": "cut"})), "needs weights"),
        (stylize(json!({"method": "microast"})), "needs weights"),
        (stylize(json!({"settings": {"steps": 5}})), "has no setting 'steps'"),
        (stylize(json!({"styles": [{"file": "f_2"}], "method": "gatys", "settings": {"stepz": 5}})), "stepz"),
        (stylize(json!({"strength": 1.5})), "strength is 1.5"),
        (stylize(json!({"size": 4})), "size is 4"),
        (stylize(json!({"adjust": {"contrast": 9}})), "contrast is 9"),
        (stylize(json!({"output": {"jpeg_quality": 0}})), "jpeg_quality is 0"),
        (stylize(json!({"output": {"format": "gif"}})), "unknown variant"),
        (json!({"kind": "generate", "model": "/etc/passwd", "seeds": [1]}), "no generator"),
        (json!({"kind": "generate", "model": "icons", "seeds": []}), "ask for 1 to 64"),
        (json!({"kind": "generate", "model": "icons", "seeds": [1], "trunc": 9}), "trunc is 9"),
    ] {
        let said = check(refused.clone()).expect_err(&refused.to_string());
        assert!(said.contains(why), "{refused}: {said}");
    }
}

#[test]
fn recipes_are_read_from_what_impasto_writes() {
    let parameters = json!({
        "impasto": "0.1.0",
        "job": {
            "styles": ["great-wave", "mona.jpg:0.5", "artist:monet@fine"], "method": "artist", "settings": {},
            "strength": 0.8, "preserve_color": "luma", "mask": "mask.png", "invert_mask": true, "feather": 3.0,
            "size": 900, "adjust": serde_json::to_value(Adjustments { hue: 5.0, ..Adjustments::default() }).unwrap(),
            "seed": 7
        },
        "content": {"name": "photo.jpg", "blake3": "c"},
        "mask": {"name": "mask.png", "blake3": "m"},
        "styles": [{"name": "great-wave", "blake3": "g"}, {"name": "mona.jpg", "blake3": "s"}, {"name": "monet", "blake3": "a"}],
    });
    let here = |hash: &str| ["c", "m", "s"].contains(&hash).then(|| format!("f_{hash}"));
    let recipe = recipe(&parameters, &here).unwrap();
    assert_eq!(recipe.missing, Vec::<String>::new());
    let expected = json!({
        "kind": "stylize", "content": "f_c", "mask": "f_m", "invert_mask": true, "feather": 3.0, "size": 900,
        "styles": [{"name": "great-wave"}, {"file": "f_s", "weight": 0.5}, {"artist": "monet", "layers": ["fine"]}],
        "method": "artist", "strength": 0.8, "preserve_color": "luma", "adjust": {"hue": 5.0}, "seed": 7
    });
    assert_eq!(recipe.request, serde_json::from_value(expected).unwrap());
    // The artist's network cannot read the bundled style; said when it is asked for.
    assert!(recipe.request.validate(&find).unwrap_err().detail.contains("great-wave"));

    let nowhere = super::recipe(&parameters, &|_| None).unwrap();
    assert_eq!(nowhere.missing, ["mask.png", "mona.jpg", "photo.jpg"]);
    assert!(nowhere.request.validate(&find).is_err());
    for stranger in
        [json!(null), json!({"job": 3}), json!({"prompt": "a cat"}), json!({"job": {"styles": ["x"]}, "styles": 3})]
    {
        let read = super::recipe(&stranger, &|_| None);
        assert!(read.is_none_or(|recipe| recipe.request.validate(&find).is_err()), "{stranger}");
    }
}

#[test]
fn generated_pictures_have_recipes() {
    let parameters = json!({
        "generation": {"model": "garments", "trunc": 0.7, "classes": ["dress:0.5"], "mirror": true},
        "seed": 12, "model": {}
    });
    let recipe = recipe(&parameters, &|_| None).unwrap();
    let expected = json!({
        "kind": "generate", "model": "garments", "seeds": [12], "trunc": 0.7, "mirror": true,
        "classes": [{"class": "dress", "weight": 0.5}]
    });
    assert_eq!(recipe.request, serde_json::from_value(expected).unwrap());
}
