"""v1-serve.py FOLDER NAME [PEER]: docker-registry 0.9.1 on a free loopback port.

FOLDER/NAME.yml is its configuration. The port goes to FOLDER/NAME.port; with PEER, the port in FOLDER/PEER.port is awaited, and
the configuration finds that server's address in the environment as PEER, and its URL as INDEX.

docker-registry's index, which is for tests, lacks what a registry asks of one about the parent of an image; it is added here.
"""

from gevent import monkey

monkey.patch_all()

import os
import sys
import time

from gevent.pywsgi import WSGIServer
from gevent.socket import socket

folder, name = sys.argv[1:3]
listener = socket()
listener.bind(('127.0.0.1', 0))
listener.listen(64)
port = listener.getsockname()[1]

partial = os.path.join(folder, '.%s.port' % name)
with open(partial, 'w') as file:
    file.write(str(port))
os.rename(partial, os.path.join(folder, '%s.port' % name))

if len(sys.argv) > 3:
    peer = os.path.join(folder, '%s.port' % sys.argv[3])
    while not os.path.exists(peer):
        time.sleep(0.02)
    with open(peer) as file:
        os.environ['PEER'] = '127.0.0.1:' + file.read()
    os.environ['INDEX'] = 'http://' + os.environ['PEER']

os.environ.update(SETTINGS_FLAVOR='tests', DOCKER_REGISTRY_CONFIG=os.path.join(folder, name + '.yml'))
os.chdir(os.path.join(folder, name + '.data'))
sys.path.insert(0, os.path.dirname(sys.prefix))

from docker_registry.wsgi import application  # noqa: E402



def index(environ, start_response):
    """What Docker's own index had besides: whether who has a token for a repository may build on an image."""
    words = environ['PATH_INFO'].split('/')
    if words[1:3] != ['v1', 'repositories'] or words[-3:-2] != ['layer'] or words[-1] != 'access':
        return application(environ, start_response)
    may = environ.get('HTTP_AUTHORIZATION', '').startswith('Token ')
    start_response('200 OK' if may else '401 Unauthorized', [('Content-Type', 'application/json')])
    return [b'{"access": true}' if may else b'{}']


print('serving on port %d' % port, flush=True)
WSGIServer(listener, index, log=None).serve_forever()
