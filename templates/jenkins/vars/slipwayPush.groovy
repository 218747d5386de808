/**
 * Pushes an image without Docker, on an agent with Node 20.19 or newer; answers with `registry/repository@sha256:…` of
 * the first destination.
 *
 *   def image = slipwayPush(source: 'image.tar', to: ['ghcr.io/me/app:1.0', 'ghcr.io/me/app:latest'],
 *                           credentialsId: 'ghcr', options: ['--compression', 'zstd'])
 *
 * `credentialsId` names credentials of the kind "username with password". Without it, what docker and podman keep counts.
 */
String call(Map arguments) {
  String script = libraryResource('slipway/push.sh')
  List<String> variables = [
    "PUSH_VERSION=${arguments.version ?: '0'}",
    "PUSH_SOURCE=${arguments.source}",
    "PUSH_TO=${[arguments.to].flatten().join(' ')}",
    "PUSH_OPTIONS=${(arguments.options ?: []).join(' ')}",
  ]
  Closure push = {
    withEnv(variables) {
      sh(label: 'slipway push', script: script)
    }
  }
  if (arguments.credentialsId) {
    withCredentials([
      usernamePassword(
        credentialsId: arguments.credentialsId,
        usernameVariable: 'PUSH_USER',
        passwordVariable: 'PUSH_PASSWORD'
      )
    ], push)
  } else {
    push()
  }
  return readFile('pushed.txt').readLines().first()
}
