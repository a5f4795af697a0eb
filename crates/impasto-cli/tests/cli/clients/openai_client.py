"""What OpenAI's own client makes of the compatible routes. Called with the server's address and a picture; prints OK."""

import base64
import sys

import openai

address, picture = sys.argv[1:]
client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)

edited = client.images.edit(image=open(picture, "rb"), prompt="great-wave + the-scream:0.5", model="fusion", n=1)
assert base64.b64decode(edited.data[0].b64_json).startswith(b"\x89PNG"), edited
edited = client.images.edit(image=open(picture, "rb"), prompt="great-wave", model="gpt-image-1", response_format="url")
assert edited.data[0].url.startswith(f"{address}/v1/files/f_"), edited

made = client.images.generate(prompt="dress", model="garments", n=2, response_format="b64_json")
assert len(made.data) == 2 and base64.b64decode(made.data[1].b64_json).startswith(b"\x89PNG"), made

for wrong in [
    lambda: client.images.generate(prompt="a cat on the moon", model="garments"),
    lambda: client.images.generate(prompt="", model="dall-e-3"),
    lambda: client.images.edit(image=open(picture, "rb"), prompt="a cat on the moon"),
    lambda: client.images.edit(image=open(picture, "rb"), prompt="great-wave", n=3),
]:
    try:
        wrong()
    except openai.BadRequestError as error:
        assert error.message and error.code == "validation", error
    else:
        raise AssertionError("it was not refused")
print("OK")
